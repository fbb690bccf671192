"""The fingerprint holds the numbers of the dataset."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data.fingerprint.images import quantiles
from segcli.data.fingerprint.labels import fingerprint_of_masks
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.samples import Split
from segcli.steps.check.fingerprint import class_skew, distance
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
    images = found["images"]["train"]
    assert (images["count"], found["images"]["val"]["count"]) == (3, 2)
    assert images["width_px"]["median"] == 64
    assert images["kinds"] == {"3 x 8 bits": 3}
    pixels = np.stack([cv2.imread(str(folder.image(f"a{number}")))[..., ::-1] for number in range(3)])
    assert images["channel_mean"] == pytest.approx(pixels.mean(axis=(0, 1, 2)), abs=1)
    assert images["channel_std"] == pytest.approx(pixels.std(axis=(0, 1, 2)), abs=3)
    assert images["brightness"]["median"] == pytest.approx(np.median(pixels.mean(axis=(1, 2, 3))), abs=1)
    assert images["lowest"]["min"] == pixels.min() and images["highest"]["max"] == pixels.max()
    assert found["image_range"] == "bits"
    planned = fingerprint_of_masks(open_seg_dataset(folder.root))
    assert found["training"] == json.loads(json.dumps(planned.as_dict())), "the planner sees the same numbers"
    assert found["suggestions"]["image_size"] == [64, 32]
    # in all five masks the background and the first class, in four of them the second
    assert found["classes_together"] == [[5, 5, 4], [5, 5, 4], [4, 4, 4]]
    pixels = np.array([entry["train_pixels"] for entry in found["classes"]])
    assert found["suggestions"]["class_weights"] == pytest.approx(np.median(pixels) / pixels, abs=1e-3)
    assert found["objects"] is None


@pytest.mark.parametrize("kind", ["image", "mask"])
def test_a_file_that_states_no_pixels_is_left_out(tmp_path, kind):
    folder = make_seg_folder(tmp_path / "data")
    path = getattr(folder, kind)("a0")
    data = bytearray(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
    data[20:24] = bytes(4)
    path.write_bytes(bytes(data))
    found = written(check_semantic, "PP-LiteSeg-T", folder, tmp_path / "out")
    assert found["images"]["train"]["count"] == (2 if kind == "image" else 3)


def test_of_objects(tmp_path):
    found = written(check_instance, "SOLOv2", make_coco_folder(tmp_path / "data"), tmp_path / "out")
    assert found["objects"]["per_image"]["median"] == 2
    assert found["objects"]["size_px"]["min"] == pytest.approx((20 * 12) ** 0.5, abs=1e-3)
    assert found["objects"]["aspect_ratio"]["max"] == pytest.approx(20 / 12, abs=1e-3)
    assert found["objects"]["covered_share"]["median"] == pytest.approx((20 * 12 + 25 * 22) / (48 * 64), abs=1e-3)
    assert found["classes_together"] == [[5, 5], [5, 5]]
    assert found["skew_between_splits"]["classes"] == 0
    assert found["suggestions"]["anchors_px"] == [[20.0, 12.0], [25.0, 22.0]]
    assert found["training"]["train_images"] == 3


def test_skew_and_quantiles():
    counts = [
        ClassCount(0, "a", {Split.TRAIN: 30, Split.VAL: 5}, {Split.TRAIN: 1, Split.VAL: 1}),
        ClassCount(1, "b", {Split.TRAIN: 10, Split.VAL: 15}, {Split.TRAIN: 1, Split.VAL: 1}),
    ]
    assert class_skew(counts) == 0.5
    assert class_skew([]) is None
    assert distance([1, 2, 3], [1, 2, 3]) == 0
    assert distance([1, 2], [3, 4, 5]) == 1
    assert distance([], [1]) is None
    assert quantiles([]) is None
