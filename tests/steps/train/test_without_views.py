"""Trainings whose recipes go without views are the same as with them, and no view comes into them from outside."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.config.load import from_values
from segcli.models.table import MODELS
from segcli.models.task import Task
from segcli.steps.train import command
from segcli.steps.train.command import train_here
from segcli.steps.train.state import Callback, TrainState
from segcli.weights.files import read_weights
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset

SHORT: dict[str, Any] = {
    "Train.epochs_iters": 2,
    "Train.batch_size": 2,
    "Train.learning_rate": 1e-4,
    "Train.eval_interval": 1,
    "Train.log_interval": 1,
    "Train.num_workers": 1,
    "Train.ema.enable": True,
    "Train.keep_checkpoints": 9,
    "Train.export_best": False,
}
ITERATIONS = {"Train.epochs_iters": 2, "Train.eval_interval": 1, "Train.crop_size": [64, 64]}
"""Semantic models count them instead of epochs."""
ACCUMULATED = {"Train.batch_size": 1, "Train.accumulate": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "MaskFormer_tiny": ITERATIONS | ACCUMULATED,
    "Mask-RT-DETR-S": ACCUMULATED | {"Train.input_size": 64},
    "SAM-tiny": {"Train.promptable.objects_per_image": 1, "Train.promptable.measured_images": 1},
    "LSeg-tiny": {"Train.promptable.measured_images": 1},
}


class Views(Callback):
    """After each step and each evaluation: whether a transposed tensor is a view."""

    def __init__(self) -> None:
        self.found: list[bool] = []

    def on_step(self, state: TrainState) -> None:
        """See the class."""
        self.found.append(not paddle.zeros([2, 3]).transpose([1, 0]).is_contiguous())

    on_evaluation = on_step


def run(name: str, data: Path, output: Path, **values: Any) -> list[bool]:
    """Trains; what `Views` found."""
    output.mkdir()
    given = {"Global.model": name, "Global.dataset_dir": str(data), "Global.output": str(output)}
    views = Views()
    train_here(from_values({**given, **SHORT, **FAMILIES.get(name, ITERATIONS), **values}).config, [views])
    return views.found


def made(name: str, root: Path) -> Path:
    """A dataset for the model."""
    if MODELS[name].task is Task.INSTANCE or name.startswith("SAM"):
        return make_coco_folder(root, train=4, val=1).root
    return make_seg_dataset(root, train=4, val=1)


def written(output: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What is the same in two equal trainings: losses and scores by iteration, and the best weights."""
    lines = [json.loads(line) for line in (output / "history.jsonl").read_text().splitlines()]
    varying = {"images_per_second", "data_share", "eta_seconds"}
    kept = [{key: value for key, value in line.items() if key not in varying} for line in lines]
    (weights,) = (output / "best_model").glob("*.pdparams")
    return kept, read_weights(weights)


CASES = [
    pytest.param("MaskFormer_tiny", marks=pytest.mark.slow),
    pytest.param("Mask-RT-DETR-S", marks=pytest.mark.slow),
    "SAM-tiny",
    "LSeg-tiny",
]


@pytest.mark.parametrize("name", CASES)
def test_a_training_without_views_is_the_one_with_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With gradient accumulation, a moving average and evaluations between; and it goes on where the other stopped."""
    data = made(name, tmp_path / "data")
    assert set(run(name, data, tmp_path / "without")) == {False}
    with monkeypatch.context() as patched:
        patched.setattr(command, "without_views", nullcontext)
        assert set(run(name, data, tmp_path / "with")) == {True}
    first = min((tmp_path / "with").glob("iter_*"))
    resumed = {"Train.resume_path": str(first)}
    run(name, data, tmp_path / "resumed", **resumed)
    without, with_views, from_there = (written(tmp_path / kind) for kind in ("without", "with", "resumed"))

    assert without[0] == with_views[0]
    np.testing.assert_equal(without[1], with_views[1])
    assert from_there[0] and from_there[0] == without[0][-len(from_there[0]) :]


def test_other_recipes_train_with_views(tmp_path: Path) -> None:
    name = "PP-LiteSeg-T"

    assert set(run(name, made(name, tmp_path / "data"), tmp_path / "out")) == {True}
