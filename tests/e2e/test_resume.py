"""A training that is killed and resumed ends where an undisturbed one ends, to the last bit."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from segcli.models.card import ModelCard
from segcli.steps.train.history import read_history
from segcli.weights.files import read_weights
from segcli.weights.safe_pickle import read_paddle_object
from tests.images import make_seg_dataset

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "configs" / "semantic_segmentation" / "SeaFormer_tiny.yaml"
ITERATIONS = 9
TIMES = ("images_per_second", "eta_seconds", "data_share")
PATIENCE_S = 300


def start(folder: Path, output: str, *overrides: str) -> subprocess.Popen[str]:
    """`main.py` in mode train: augmentation, dropout, warm-up, AdamW, a moving average; logs between checkpoints."""
    settings = [
        "Global.mode=train",
        "Global.dataset_dir=data",
        f"Global.output={output}",
        f"Train.epochs_iters={ITERATIONS}",
        "Train.eval_interval=3",
        "Train.log_interval=2",
        "Train.batch_size=2",
        "Train.crop_size=[64, 64]",
        "Train.warmup_steps=2",
        "Train.ema.enable=True",
        "Train.early_stop.enable=True",
        "Train.export_best=False",
        *overrides,
    ]
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "main.py"), "-c", str(CONFIG), "-o", *settings],
        cwd=folder,
        env={
            "PYTHONPATH": str(REPOSITORY),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
            "SEGCLI_OFFLINE": "1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said


def events(output: Path) -> list[dict[str, object]]:
    return [
        {key: value for key, value in event.items() if key not in TIMES}
        for event in read_history(output / "history.jsonl")
    ]


def assert_equal_arrays(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    make_seg_dataset(tmp_path / "data", train=7, val=2)
    finish(start(tmp_path, "whole"))

    killed = start(tmp_path, "parts")
    deadline = time.monotonic() + PATIENCE_S
    while not any(event["iteration"] >= 4 for event in read_history(tmp_path / "parts" / "history.jsonl")):
        assert killed.poll() is None, killed.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    last = f"iter_{ITERATIONS}"
    assert not (parts / last).exists()

    finish(start(tmp_path, "parts", "Train.resume_path=last"))

    for name in (f"{last}/model.pdparams", f"{last}/ema.pdparams", "best_model/model.pdparams"):
        assert_equal_arrays(read_weights(parts / name), read_weights(whole / name))
    optimizers = [read_paddle_object(folder / last / "model.pdopt") for folder in (parts, whole)]
    schedules = [values.pop("LR_Scheduler") for values in optimizers]
    assert schedules[0] == schedules[1]
    assert_equal_arrays(*optimizers)
    assert events(parts) == events(whole)
    assert [event["iteration"] for event in events(whole)] == [2, 3, 4, 6, 6, 8, 9, 9]
    cards = [ModelCard.beside(folder / "best_model" / "model.pdparams") for folder in (parts, whole)]
    assert (cards[0].iteration, cards[0].score) == (cards[1].iteration, cards[1].score)
