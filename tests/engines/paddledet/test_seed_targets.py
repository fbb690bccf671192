"""What the U-Net of cores learns from: image and masks move alike, and targets are those of the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.data import rle
from segcli.engines.paddledet.seed_targets import SeedTargets
from segcli.engines.paddledet.warp import WarpWithMasks

SIDE = 64
BOX = (20, 30, 70, 60)
"""Left, top, right, bottom of the one object, in an image of 100 x 80 px."""


def sample(kind: str) -> dict[str, Any]:
    """A white box on black, as a polygon or as a run-length code."""
    image = np.zeros((80, 100, 3), np.uint8)
    x0, y0, x1, y1 = BOX
    image[y0:y1, x0:x1] = 255
    polygon = [[float(value) for value in (x0, y0, x1, y0, x1, y1, x0, y1)]]
    return {
        "image": image,
        "gt_poly": [polygon if kind == "polygon" else rle.encode(image[..., 0] > 0)],
        "gt_class": np.array([[1]], np.int32),
        "gt_bbox": np.array([BOX], np.float32),
        "is_crowd": np.zeros((1, 1), np.int32),
    }


@pytest.mark.parametrize("kind", ["polygon", "code"])
@pytest.mark.parametrize("seed", range(4))
def test_image_and_masks_move_alike(kind: str, seed: int) -> None:
    np.random.seed(seed)
    moved = WarpWithMasks(SIDE)(sample(kind))

    seen, mask = moved["image"][..., 0] > 130, moved["gt_segm"][0] > 0
    assert (seen & mask).sum() / (seen | mask).sum() > 0.93
    x0, y0, x1, y1 = moved["gt_bbox"][0].astype(int)
    assert mask[y0:y1, x0:x1].sum() == mask.sum()


def test_an_object_that_has_left_the_image_is_left_out() -> None:
    np.random.seed(0)
    moved = WarpWithMasks(SIDE, scale=1.0, shift=0.0)({**sample("polygon"), "gt_poly": [[[200.0, 0, 210, 0, 210, 9]]]})

    assert (len(moved["gt_segm"]), len(moved["gt_class"]), moved["gt_bbox"].shape) == (0, 0, (0, 4))


@pytest.mark.parametrize("kind", ["polygon", "code"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_cut_out_shows_image_and_mask_alike(kind: str, seed: int) -> None:
    np.random.seed(seed)
    moved = WarpWithMasks(2 * SIDE, crop=SIDE, shift=0.0, turn=0.5)(sample(kind))

    seen, mask = moved["image"][..., 0] > 130, moved["gt_segm"][0] > 0
    assert mask.shape == seen.shape == (SIDE, SIDE)
    assert (seen & mask).sum() / (seen | mask).sum() > 0.9


def test_rows_become_columns() -> None:
    np.random.seed(0)
    moved = WarpWithMasks(SIDE, scale=1.0, shift=0.0, turn=1.0)(sample("polygon"))

    width, height = moved["gt_bbox"][0, 2:] - moved["gt_bbox"][0, :2]
    x0, y0, x1, y1 = BOX
    assert width == pytest.approx((y1 - y0) * SIDE / 80, abs=1.1)
    assert height == pytest.approx((x1 - x0) * SIDE / 100, abs=1.1)


def targets(masks: np.ndarray, labels: list[int]) -> dict[str, Any]:
    image = np.zeros((3, SIDE, SIDE), np.float32)
    sample = {"image": image, "gt_segm": masks, "gt_class": np.array(labels).reshape(-1, 1), "gt_bbox": None}
    return SeedTargets()([{**sample, "im_id": 7}])[0]


def test_targets_are_those_of_the_masks() -> None:
    masks = np.zeros((3, SIDE, SIDE), np.uint8)
    masks[0, 12:15, 12:15] = 1  # lies in the next
    masks[1, 10:21, 10:31] = 1
    masks[2, 40:61, 5:16] = 1

    made = targets(masks, [1, 0, 0])

    label, core = made["gt_label"], made["gt_core"]
    np.testing.assert_array_equal(label > 0, masks.any(axis=0))
    assert (label[masks[0] > 0] == 2).all()
    assert (label[masks[1] > masks[0]] == 1).all()
    assert core[13, 13] == core[15, 20] == core[50, 10] == 1, "the middle of an object of any size"
    assert 0 < core[10, 20] < core[12, 20] < 1
    assert core[label == 0].max() == 0
    assert "gt_segm" not in made and made["im_id"] == 7


def test_an_image_without_objects_has_targets_too() -> None:
    made = targets(np.zeros((0, SIDE, SIDE), np.uint8), [])

    assert not made["gt_core"].any() and not made["gt_label"].any()
