"""An export is compared with Paddle's own convolutions, which the written files name; an evaluation uses oneDNN's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.models.operators import convolution, onednn
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.task import Task
from segcli.promptable.backends import PaddleSam
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export.command import export_weights
from segcli.tasks import engine_of
from segcli.trained import load_trained
from tests.instance_run import configure
from tests.promptable_weights import promptable_weights
from tests.steps.export.test_promptable import config as promptable_config
from tests.trained_instance import MODEL as INSTANCE_MODEL
from tests.trained_instance import trained_instance_run
from tests.trained_model import make_config, save_weights, trained_run

pytestmark = pytest.mark.skipif(not onednn.is_there(), reason="Paddle brings no oneDNN here")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Convolutions that oneDNN was asked for, of any size."""
    found: list[Any] = []
    make = onednn.forward_convolution

    def noted(*described: Any) -> onednn.ForwardConvolution | None:
        found.append(described)
        return make(*described)

    monkeypatch.setattr(onednn, "forward_convolution", noted)
    monkeypatch.setattr(convolution, "FEWEST_COPIES", 1)
    monkeypatch.setattr(convolution, "FEWEST_OF_SINGLE", 1)
    return found


def semantic(folder: Path) -> tuple[Path, Any]:
    run = trained_run()
    return run / "run/best_model/model.pdparams", make_config(folder, run / "data")


def instance(folder: Path) -> tuple[Path, Any]:
    run = trained_instance_run()
    return run / "run/best_model/best_model.pdparams", configure(INSTANCE_MODEL, run / "data", folder)


def promptable(folder: Path) -> tuple[Path, Any]:
    weights = promptable_weights("SAM-tiny")
    return weights, promptable_config("SAM-tiny", weights, folder)


@pytest.mark.parametrize("given", [semantic, instance, promptable])
def test_an_export_is_proven_against_paddles_convolutions(
    given: Callable[[Path], tuple[Path, Any]], tmp_path: Path, calls: list[Any]
) -> None:
    weights, config = given(tmp_path)
    calls.clear()  # weights were made with them
    export_weights(weights, tmp_path / "out", config)

    assert not calls


def semantic_outputs() -> Iterator[np.ndarray[Any, Any]]:
    trained = load_trained(trained_run() / "run/best_model/model.pdparams")
    yield engine_of(Task.SEMANTIC).array_forward(trained.network)(np.ones((1, 3, 64, 96), np.float32))


def instance_outputs() -> Iterator[np.ndarray[Any, Any]]:
    trained = load_trained(trained_instance_run() / "run/best_model/best_model.pdparams")
    shape, scale = np.array([[96, 96]], np.float32), np.ones((1, 2), np.float32)
    feeds = {"image": np.ones((1, 3, 96, 96), np.float32), "im_shape": shape, "scale_factor": scale}
    yield from engine_of(Task.INSTANCE).array_forward(trained.network)(feeds)


def promptable_outputs() -> Iterator[np.ndarray[Any, Any]]:
    network = load_trained(promptable_weights("SAM-tiny"), "SAM-tiny").network
    side = PROMPTABLE["SAM-tiny"].side
    yield PaddleSam(network).encode(np.ones((1, 3, side, side), np.float32))


@pytest.mark.parametrize("outputs", [semantic_outputs, instance_outputs, promptable_outputs])
def test_the_same_networks_are_evaluated_by_onednn(
    outputs: Callable[[], Iterator[np.ndarray[Any, Any]]], calls: list[Any]
) -> None:
    """And equal to the last bit each time."""
    first = list(outputs())
    calls.clear()  # weights were made with them
    second = list(outputs())

    assert calls
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_temporary_export_of_an_evaluation_is_proven_against_paddles(tmp_path: Path, calls: list[Any]) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("paddle2onnx")
    weights = save_weights(tmp_path / "alone")
    settings = {"weight_path": str(weights), "runtime": "onnxruntime"}
    data = trained_run() / "data"
    calls.clear()
    result = evaluate(make_config(tmp_path, data, Evaluate=settings))

    assert result.as_dict()["runtime"] == "onnxruntime"
    assert not calls
