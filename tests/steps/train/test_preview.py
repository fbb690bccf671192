"""The sheet of augmented training images, and trainings on them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.config.load import from_values
from segcli.errors import ConfigError
from segcli.steps.train.history import read_history
from segcli.weights.files import read_weights
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset

MANY = [
    "-o",
    "Train.augment.mosaic=0.5",
    "-o",
    "Train.augment.scale_jitter=[0.7, 1.4]",
    "-o",
    "Train.augment.elastic=0.5",
    "-o",
    "Train.augment.photometric=0.5",
]
PASTE = ["-o", "Train.augment.copy_paste=0.8"]


def segcli(*arguments: str) -> None:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("make", "more"), [(make_seg_dataset, []), (make_coco_folder, PASTE)])
def test_the_sheet_shows_augmented_images_and_nothing_is_trained(make, more, tmp_path):
    make(tmp_path / "data")
    output = tmp_path / "out"
    fixed = ["-o", "Train.plan=off"]
    segcli("train", str(tmp_path / "data"), "--output", str(output), "--preview", *fixed, *MANY, *more)
    sheet = np.asarray(Image.open(output / "preview.png"))
    assert sheet.shape[1] >= 4 * 320
    assert sheet.std() > 20
    assert [path.name for path in output.iterdir()] == ["preview.png"]


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (make_seg_dataset, ["Train.input_shape=[1, 3, 64, 64]"]),
        (make_coco_folder, ["Train.input_size=64", "Train.augment.copy_paste=0.8"]),
    ],
)
def test_an_augmented_training_resumes_bit_for_bit(make, settings, tmp_path):
    make(tmp_path / "data")
    common = [
        str(tmp_path / "data"),
        *MANY,
        *[part for one in settings for part in ("-o", one)],
        *("-o", "Train.plan=off", "-o", "Train.export_best=false", "-o", "Train.accumulate=2", "--batch-size", "1"),
        *("--epochs-iters", "4", "-o", "Train.eval_interval=2", "-o", "Train.log_interval=1"),
    ]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    segcli("train", *common, "--output", str(whole), "-o", "Train.keep_checkpoints=9")
    first = sorted(whole.glob("iter_*"), key=lambda path: int(path.name[5:]))[0]
    segcli("train", *common, "--output", str(parts), "-o", f"Train.resume_path={first}")
    last = sorted(whole.glob("iter_*"), key=lambda path: int(path.name[5:]))[-1].name
    (weights,) = [path for path in (whole / last).glob("*.pdparams") if "ema" not in path.name]
    left, right = (read_weights(folder / last / weights.name) for folder in (whole, parts))
    assert all(np.array_equal(left[key], right[key]) for key in left)
    losses = [
        [event["loss"] for event in read_history(folder / "history.jsonl") if event["event"] == "train"]
        for folder in (whole, parts)
    ]
    assert losses[0] == losses[1]


def test_scales_that_are_none_are_refused():
    values = {"Global.model": "UNet-S", "Global.mode": "train", "Global.dataset_dir": "data"}
    with pytest.raises(ConfigError, match="smallest scale above 0"):
        from_values({**values, "Train.augment.scale_jitter": [2.0, 0.5]})
    with pytest.raises(ConfigError, match="copy_paste"):
        from_values({**values, "Train.augment.copy_paste": 0.5})
