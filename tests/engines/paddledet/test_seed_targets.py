"""What the U-Net of centres learns from: image and masks move alike, and targets are those of the masks."""

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


def targets(masks: np.ndarray, labels: list[int]) -> dict[str, Any]:
    image = np.zeros((3, SIDE, SIDE), np.float32)
    made = SeedTargets(num_classes=2, points=64)(
        [{"image": image, "gt_segm": masks, "gt_class": np.array(labels).reshape(-1, 1), "gt_bbox": None, "im_id": 7}]
    )
    return made[0]


def test_targets_are_those_of_the_masks() -> None:
    np.random.seed(1)
    masks = np.zeros((2, SIDE, SIDE), np.uint8)
    masks[0, 10:20, 10:30] = 1
    masks[1, 40:60, 5:15] = 1

    made = targets(masks, [1, 0])

    assert made["gt_inside"].shape == (2, SIDE, SIDE)
    np.testing.assert_array_equal(made["gt_inside"], masks[::-1])
    for row, mask in enumerate(masks):
        flat = mask.reshape(-1)
        np.testing.assert_array_equal(made["gt_covered"][row], flat[made["gt_points"][row]])
        assert 0 < made["gt_covered"][row].mean() < 1
        assert flat[made["gt_seed"][row]] == flat[made["gt_middle"][row]] == 1
        assert made["gt_centre"][1 - row].reshape(-1)[made["gt_middle"][row]] == 1
    assert made["gt_filled"].tolist() == [1, 1]
    assert "gt_segm" not in made and made["im_id"] == 7


def test_an_image_without_objects_has_targets_too() -> None:
    made = targets(np.zeros((0, SIDE, SIDE), np.uint8), [])

    assert made["gt_filled"].tolist() == [0]
    assert not made["gt_centre"].any() and not made["gt_inside"].any()
