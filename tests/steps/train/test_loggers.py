"""Trackers beside the history."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from segcli.config.schema import TrainConfig
from segcli.errors import MissingPartError
from segcli.steps.train import loggers
from segcli.steps.train.loggers import LOGGERS, RunLoggers
from tests.steps.train.line_run import LineRuns


class Kept:
    """A tracker in memory."""

    runs: dict[str, list[tuple[int, dict[str, float]]]]

    def __init__(self, start) -> None:
        self.run_id = start.run_id or f"run{len(Kept.runs)}"
        self.lines = Kept.runs.setdefault(self.run_id, [])

    def scalars(self, values, iteration):
        self.lines.append((iteration, dict(values)))

    def close(self):
        self.lines.append((-1, {}))


@pytest.fixture
def kept(monkeypatch):
    Kept.runs = {}
    monkeypatch.setitem(LOGGERS, "wandb", loggers.LoggerKind("json", Kept))
    return Kept


def test_each_name_of_the_schema_is_a_row():
    names = TrainConfig(loggers=("tensorboard", "mlflow", "wandb")).loggers
    assert set(names) == set(LOGGERS)


def test_events_of_the_history_arrive_and_a_resumed_training_goes_on_in_the_run(kept, line_run: LineRuns, tmp_path):
    line_run(tmp_path, loggers=("wandb",))
    (lines,) = kept.runs.values()
    assert [at for at, _ in lines] == [2, 4, 4, 6, 8, 8, -1]
    assert {"train/loss", "train/lr", "train/images_per_second"} <= lines[0][1].keys()
    assert set(lines[2][1]) == {"evaluate/score", "evaluate/metrics/error"}
    line_run(tmp_path, loggers=("wandb",), epochs_iters=10, resume_path="last")
    assert list(kept.runs) == ["run0"]
    assert [at for at, _ in kept.runs["run0"]][-3:] == [10, 10, -1]


def test_a_tracker_that_fails_is_told_and_left(kept, line_run: LineRuns, tmp_path, monkeypatch, caplog):
    def fail(self, values, iteration):
        raise ConnectionError("no route")

    monkeypatch.setattr(Kept, "scalars", fail)
    with caplog.at_level(logging.WARNING, "segcli.train"):
        assert line_run(tmp_path, loggers=("wandb",)).iterations == 8
    assert caplog.text.count("logging to wandb has stopped (ConnectionError: no route)") == 1


def test_a_package_that_is_not_there_is_said_before_anything_is_trained(line_run: LineRuns, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="mlflow is not installed"):
        line_run(tmp_path, loggers=("mlflow",))
    assert not (tmp_path / "config.yaml").exists()


def test_tensorboard_files_are_written(line_run: LineRuns, tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401  # the format below is its own

    line_run(tmp_path, loggers=("tensorboard",))
    (file,) = (tmp_path / "tensorboard").iterdir()
    data, tags, at = file.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + size])
        tags += [(event.step, value.tag) for value in event.summary.value]
        at += 12 + size + 4
    assert (2, "train/loss") in tags
    assert (8, "evaluate/score") in tags


def test_mlflow_goes_into_the_folder_and_on_in_its_run(tmp_path, monkeypatch):
    """Against a stand-in with MLflow's own names."""
    calls = []
    fake = SimpleNamespace(
        set_tracking_uri=calls.append,
        start_run=lambda run_id, run_name: SimpleNamespace(info=SimpleNamespace(run_id=run_id or "fresh")),
        log_params=calls.append,
        log_metrics=lambda values, step: calls.append((values, step)),
        end_run=lambda: calls.append("end"),
    )
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.setattr(loggers, "find_spec", lambda name: True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = RunLoggers(("mlflow",), tmp_path, "x", {"Train.batch_size": 2})
    told.on_start(SimpleNamespace(iteration=0))
    told.event("train", 4, {"loss": 1.5, "name": "text", "nan": float("nan"), "inner": {"a": 2}})
    told.close()
    assert calls[0].startswith("file://") and calls[0].endswith("/mlruns")
    assert calls[1:] == [{"Train.batch_size": "2"}, ({"train/loss": 1.5, "train/inner/a": 2.0}, 4), "end"]
    assert told.state_dict() == {"ids": {"mlflow": "fresh"}}
