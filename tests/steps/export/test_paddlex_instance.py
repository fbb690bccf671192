"""PaddleX itself loads the instance models that segcli exports and finds the same objects; see `test_paddlex`."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segcli.steps.export.command import export_weights
from segcli.steps.predict.model import create_model
from tests.instance_run import configure, make_rectangles
from tests.random_instance import NAMES, save_random_weights
from tests.steps.export.test_paddlex import VARIABLE

LIMITS = {"PP-YOLOE_seg-S": 0.05, "MaskRCNN-ResNet50-FPN": 0.05, "SOLOv2": 0.05, "Mask-RT-DETR-S": 0.03}
"""A score that some of the objects that random weights find exceed, by model."""

PROGRAM = """
import pickle, sys
from paddlex import create_model

name, folder, target, threshold, batch, *images = sys.argv[1:]
model = create_model(name, model_dir=folder)
found = [(result["boxes"], result["masks"]) for result in model.predict(images, threshold=float(threshold))]
both = [
    (result["boxes"], result["masks"])
    for result in model.predict(images, threshold=float(threshold), batch_size=int(batch))
]
pickle.dump((found, both), open(target, "wb"))
"""


def theirs(name: str, folder: Path, images: list[str], scratch: Path, batch: int) -> tuple[list[Any], list[Any]]:
    python = os.environ.get(VARIABLE)
    assert python
    # Paddle 3.3.1's default oneDNN fails on every model, PaddleX's own exports included (Paddle issue 77340)
    environment = {**os.environ, "PADDLE_PDX_ENABLE_MKLDNN_BYDEFAULT": "False"}
    arguments = [name, str(folder), str(scratch / "found.pickle"), str(LIMITS[name]), str(batch), *images]
    command = [python, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=scratch)
    assert done.returncode == 0, done.stderr[-2000:]
    return pickle.loads((scratch / "found.pickle").read_bytes())  # our own file


def the_same(one: dict[str, Any], mask: Any, other: dict[str, Any], expected: Any) -> bool:
    """Whether PaddleX's object is ours; SOLOv2 has no boxes there, and whole masks."""
    if one.get("cls_id", one.get("class_id")) != other["cls_id"] or abs(one["score"] - other["score"]) > 1e-3:
        return False
    left, top, right, bottom = (round(side) for side in other["coordinate"])
    if "coordinate" in one:
        if np.abs(np.subtract(one["coordinate"], other["coordinate"])).max() > 0.5:
            return False
        left, top, right, bottom = (round(float(side)) for side in one["coordinate"])
    else:
        mask = mask[top:bottom, left:right]
    height, width = min(len(mask), len(expected)), min(mask.shape[1], expected.shape[1])
    differ = (mask[:height, :width] > 0) != (expected[:height, :width] > 0)
    return bool(differ.sum() <= max(0.1 * differ.size, height + width))  # a pixel along the border


def agree(found: list[Any], results: list[Any]) -> None:
    assert len(found) == len(results)
    for (boxes, masks), ours in zip(found, results, strict=True):
        assert abs(len(boxes) - len(ours["boxes"])) <= 1  # a score may lie on the threshold
        again = [
            any(the_same(box, np.asarray(mask), *mine) for mine in zip(ours["boxes"], ours["masks"], strict=True))
            for box, mask in zip(boxes, masks, strict=True)
        ]
        assert sum(again) >= len(again) - 1
    assert sum(len(boxes) for boxes, _ in found) > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LIMITS))
def test_paddlex_finds_the_same_objects(name: str, tmp_path: Path) -> None:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names no Python with PaddleX 3.7.2")
    data = make_rectangles(tmp_path / "data", train=2, val=1)
    weights = save_random_weights(name, tmp_path / "run" / "best_model")
    config = configure(name, data, tmp_path / "run", Export={"verify": False})
    folder = export_weights(weights, tmp_path / "inference", config).folder
    images = []
    for number in range(2):  # of one size, which PaddleX asks of a batch
        noise = np.random.default_rng(number).integers(0, 256, (6, 9, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), cv2.resize(noise, (96, 64)))
        images.append(str(tmp_path / f"{number}.png"))

    batch = 2 if name.startswith("MaskRCNN") else 1
    found, both = theirs(name, folder, images, tmp_path, batch)
    results = list(create_model(name, folder, runtime="paddle", threshold=LIMITS[name]).predict(images))
    agree(found, results)
    agree(both, results)
    assert {box["label"] for boxes, _ in found for box in boxes} <= set(NAMES)
