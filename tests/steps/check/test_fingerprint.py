"""The fingerprint holds the numbers of the dataset."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data.samples import Split
from segcli.steps.check.fingerprint import quantiles, skew
from segcli.steps.check.instance import check_instance
from segcli.steps.check.result import ClassCount
from segcli.steps.check.semantic import check_semantic
from tests.coco_folder import make_coco_folder
from tests.seg_folder import make_seg_folder


def written(check, model, folder, output):
    check(Config.model_validate({"Global": {"model": model, "dataset_dir": str(folder.root), "output": str(output)}}))
    return json.loads((output / "fingerprint.json").read_text(encoding="utf-8"))


def test_of_masks(tmp_path):
    folder = make_seg_folder(tmp_path / "data")
    ids = cv2.imread(str(folder.mask("a0")), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder.mask("a0")), np.where(ids == 2, 1, ids).astype(np.uint8))
    found = written(check_semantic, "PP-LiteSeg-T", folder, tmp_path / "out")
    assert found["images"]["count"] == 5
    assert found["images"]["width_px"]["median"] == 64
    assert found["images"]["kinds"] == {"3 x 8 bits": 5}
    grey = [cv2.imread(str(folder.image(f"a{number}")), cv2.IMREAD_GRAYSCALE).mean() for number in range(5)]
    assert found["images"]["brightness"]["median"] == pytest.approx(np.median(grey), abs=2)
    # in all five masks the background and the first class, in four of them the second
    assert found["classes_together"] == [[5, 5, 4], [5, 5, 4], [4, 4, 4]]
    pixels = np.array([entry["train_pixels"] for entry in found["classes"]])
    assert found["class_weights"] == pytest.approx(np.median(pixels) / pixels, abs=1e-3)
    assert found["objects"] is None


def test_of_objects(tmp_path):
    found = written(check_instance, "SOLOv2", make_coco_folder(tmp_path / "data"), tmp_path / "out")
    assert found["objects"]["per_image"]["median"] == 2
    assert found["objects"]["size_px"]["min"] == pytest.approx((20 * 12) ** 0.5, abs=1e-3)
    assert found["objects"]["aspect_ratio"]["max"] == pytest.approx(20 / 12, abs=1e-3)
    assert found["objects"]["covered_share"]["median"] == pytest.approx((20 * 12 + 25 * 22) / (48 * 64), abs=1e-3)
    assert found["classes_together"] == [[5, 5], [5, 5]]
    assert found["skew_between_splits"] == 0


def test_skew_and_quantiles():
    counts = [
        ClassCount(0, "a", {Split.TRAIN: 30, Split.VAL: 5}, {Split.TRAIN: 1, Split.VAL: 1}),
        ClassCount(1, "b", {Split.TRAIN: 10, Split.VAL: 15}, {Split.TRAIN: 1, Split.VAL: 1}),
    ]
    assert skew(counts) == 0.5
    assert skew([]) is None
    assert quantiles([]) is None
