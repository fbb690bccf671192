"""An error of a training process arrives in the process that started it as it was raised."""

from __future__ import annotations

import os

import pytest

from segcli.errors import ConfigError, ConfigFault, DatasetError, NonFiniteLossError, TrainingError
from segcli.findings import Finding, Severity
from segcli.steps.train.worker_errors import leave_fault, read_fault

FINDINGS = [Finding("S304", Severity.ERROR, "annotations/1.png", "holds 7", location="pixel 3", hint="label it again")]


@pytest.mark.parametrize(
    "error",
    [
        DatasetError("1 fault", FINDINGS, path="data", hint="mend it"),
        ConfigError([ConfigFault("Train.loss", "no such loss", "CrossEntropyLoss", "config.yaml:3")]),
        NonFiniteLossError("the loss is nan", hint="lower the rate"),
    ],
)
def test_an_error_comes_back_as_it_was(error, tmp_path):
    leave_fault(tmp_path, 1, error)
    found = read_fault(tmp_path)
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.exit_code == error.exit_code
    assert getattr(found, "findings", None) == getattr(error, "findings", None)
    assert read_fault(tmp_path) is None, "an error is told once"


def test_what_segcli_does_not_know_is_a_failed_training(tmp_path):
    leave_fault(tmp_path, 0, OSError(28, "No space left on device", "output/model.pdparams"))
    found = read_fault(tmp_path)
    assert type(found) is TrainingError
    assert "No space left on device" in str(found)
    assert "output/model.pdparams" in str(found)


def test_the_cause_is_told_and_not_what_followed(tmp_path):
    leave_fault(tmp_path, 0, RuntimeError("connection closed by peer"))
    leave_fault(tmp_path, 1, DatasetError("the first"))
    leave_fault(tmp_path, 2, DatasetError("the second"))
    for rank, second in ((0, 1), (1, 2), (2, 3)):
        os.utime(tmp_path / f".processes_fault.{rank}.json", (second, second))
    assert str(read_fault(tmp_path)) == "the first"
