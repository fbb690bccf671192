"""Options of the training of a real network, through the command."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from segcli.steps.evaluate.command import evaluate
from segcli.steps.train.command import train
from segcli.steps.train.history import read_history
from segcli.weights.files import read_weights
from tests.images import make_seg_dataset
from tests.trained_model import make_config

MODEL = "SeaFormer_tiny"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_seg_dataset(tmp_path_factory.mktemp("options") / "data", train=4, val=2)


def run(output: Path, dataset: Path, **settings):
    values = {
        "epochs_iters": 2,
        "eval_interval": 1,
        "log_interval": 1,
        "crop_size": (64, 64),
        "keep_checkpoints": 2,
        "export_best": False,
        **settings,
    }
    return train(make_config(output, dataset, model=MODEL, Train=values))


def losses(output: Path) -> list[float]:
    return [event["loss"] for event in read_history(output / "history.jsonl") if event["event"] == "train"]


@pytest.fixture(scope="module")
def plain(dataset, tmp_path_factory):
    output = tmp_path_factory.mktemp("plain")
    run(output, dataset)
    return output


def test_the_moving_average_is_kept_and_measured(dataset, tmp_path):
    result = run(tmp_path, dataset, ema={"enable": True, "decay": 0.15})
    first, second = (read_weights(tmp_path / f"iter_{number}/ema.pdparams") for number in (1, 2))
    raw = read_weights(tmp_path / "iter_2/model.pdparams")
    for name in ("cls_seg.weight", "backbone.smb1.stem_block.0._batch_norm._mean"):
        np.testing.assert_allclose(second[name], 0.15 * first[name] + 0.85 * raw[name], rtol=1e-5, atol=1e-8)
        assert not np.array_equal(second[name], raw[name])

    best = read_weights(tmp_path / "best_model/model.pdparams")
    kept = read_weights(tmp_path / f"iter_{result.best_iteration}/ema.pdparams")
    assert all(np.array_equal(array, best[name]) for name, array in kept.items())
    config = make_config(tmp_path, dataset, model=MODEL, Evaluate={"runtime": "paddle"})
    assert evaluate(config).report.miou == pytest.approx(result.best_score, abs=1e-9)


def test_training_ends_when_the_score_no_longer_rises(dataset, tmp_path):
    result = run(tmp_path, dataset, epochs_iters=9, early_stop={"enable": True, "patience": 2, "min_delta": 1.0})
    assert result.iterations == 3
    assert "has not risen" in result.stop_reason
    assert len(losses(tmp_path)) == 3


def test_class_weights_come_from_the_masks_whatever_num_classes_says(dataset, plain, tmp_path, caplog):
    from segcli.data.image import read_mask

    masks = np.stack([read_mask(dataset / "annotations" / f"train_{number}.png") for number in range(4)])
    counts = np.array([(masks == label).sum() for label in range(3)])
    weights = [float(weight) for weight in np.median(counts) / counts]
    run(tmp_path / "auto", dataset, epochs_iters=1, class_weights="auto")
    with caplog.at_level(logging.WARNING, "segcli.train"):
        run(tmp_path / "given", dataset, epochs_iters=1, class_weights=weights, num_classes=2)
    assert "Train.num_classes=2 is not used: the dataset has 3 classes" in caplog.text
    assert losses(tmp_path / "auto") == losses(tmp_path / "given")
    assert losses(tmp_path / "auto")[0] != pytest.approx(losses(plain)[0], rel=1e-4)


def test_mixed_precision_on_the_cpu_is_plain_training_and_said(dataset, plain, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "segcli.train"):
        run(tmp_path, dataset, amp="O1")
    assert "Train.amp=O1 has no effect on the CPU" in caplog.text
    assert losses(tmp_path) == losses(plain)
    ours, theirs = (read_weights(folder / "iter_2/model.pdparams") for folder in (tmp_path, plain))
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())
    assert ours["cls_seg.weight"].dtype == np.float32
