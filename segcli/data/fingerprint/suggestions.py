"""What the numbers of a dataset suggest: image size, crop and anchors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.fingerprint.labels import Fingerprint

SMALL_OBJECT_PX = 14.0
"""Size that the smaller objects (the first quarter) should keep in the input of a network of stride 4 or more."""
LARGEST_SIDE_PX = 1024
ANCHORS = 9
_STEP = 32
_LEAST_SIDE_PX = 192
_CONTEXT = 3.0
"""A crop should be this many times as wide as the larger objects (the third quarter), to show what is around them."""
_MOST_BOXES = 10_000
_ROUNDS = 30


def suggestions(data: Fingerprint, boxes: Sequence[tuple[float, float]] = ()) -> dict[str, Any]:
    """Plain values, for JSON.

    Args:
        data: Numbers of the training split.
        boxes: Width and height in pixels of each object, where the labels are objects.
    """
    width, height = image_size(data)
    values: dict[str, Any] = {
        "image_size": [width, height],
        "crop_size": [min(crop_side(data), _whole(data.width_px)), min(crop_side(data), _whole(data.height_px))],
        "small_object_px": round(data.object_px[0], 1),
    }
    if boxes:
        scale = width / max(data.width_px, 1)
        values["anchors_px"] = [[round(side * scale, 1) for side in box] for box in anchors(boxes)]
    return values


def image_size(data: Fingerprint) -> tuple[int, int]:
    """Width and height at which the smaller objects can still be seen, at most the native size, in steps of 32."""
    small = max(data.object_px[0], 1.0)
    scale = min(SMALL_OBJECT_PX / small, 1.0, LARGEST_SIDE_PX / data.long_side_px)
    scale = min(max(scale, _LEAST_SIDE_PX / data.long_side_px), 1.0)
    return _whole(data.width_px * scale), _whole(data.height_px * scale)


def crop_side(data: Fingerprint) -> int:
    """Side of a square crop of the native image that shows larger objects with what is around them."""
    wanted = max(data.object_px[2] * _CONTEXT, _LEAST_SIDE_PX)
    return _whole(min(wanted, LARGEST_SIDE_PX, max(data.long_side_px, _STEP)))


def anchors(boxes: Sequence[tuple[float, float]], count: int = ANCHORS) -> list[tuple[float, float]]:
    """Widths and heights that fit the boxes best: k-means with 1 - IoU as the distance, small ones first.

    Source: J. Redmon, A. Farhadi, "YOLO9000", CVPR 2017, section 2.
    """
    sides = np.array(boxes, np.float64).reshape(-1, 2)
    sides = sides[sides.min(axis=1) > 0]
    if len(sides) > _MOST_BOXES:
        sides = sides[np.linspace(0, len(sides) - 1, _MOST_BOXES).astype(np.int64)]
    count = min(count, len(np.unique(sides @ (1, 1j))))  # ten times faster than pairs of numbers
    if not count:
        return []
    by_area = sides[np.argsort(sides.prod(axis=1), kind="stable")]
    centres = by_area[((np.arange(count) + 0.5) * len(sides) / count).astype(np.int64)]
    sides = np.ascontiguousarray(sides.T)
    for _ in range(_ROUNDS):
        nearest = _iou(sides, centres).argmax(axis=0)
        moved = centres.copy()
        for number in np.unique(nearest):
            own = sides.compress(nearest == number, axis=1)
            middle = [(own.shape[1] - 1) // 2, own.shape[1] // 2]
            # the medians, in half of the time of `np.median`
            moved[number] = np.partition(own, middle, axis=1)[:, middle].mean(axis=1)
        if np.allclose(moved, centres):
            break
        centres = moved
    centres = centres[np.argsort(centres.prod(axis=1), kind="stable")]
    return [(float(width), float(height)) for width, height in centres]


def _iou(sides: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of boxes [2, boxes] and others [centres, 2] that share a corner with them, [centres, boxes]."""
    (widths, heights), (own_widths, own_heights) = sides, centres.T
    common = np.minimum.outer(own_widths, widths) * np.minimum.outer(own_heights, heights)
    union = np.add.outer(own_widths * own_heights, widths * heights) - common
    return np.asarray(common / union)


def _whole(side: float) -> int:
    return max(int(side // _STEP), 1) * _STEP
