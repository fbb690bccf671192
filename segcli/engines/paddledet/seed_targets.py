"""Training targets of the U-Net that finds objects by their cores, made from an image's masks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Sample = dict[str, Any]
Mask = NDArray[np.uint8]
_DEEPEST_PX = 5.0
"""Depth at which the core begins: a small network can learn nearby structure, but not how large an object is."""


class SeedTargets:
    """Turns the masks of a batch into two maps per image: labels, and depth in the object; see `seed_losses`.

    Where objects overlap, the smaller one is on top.
    """

    def __call__(self, samples: list[Sample]) -> list[Sample]:
        """The samples with ``gt_label`` int64 [H, W] and ``gt_core`` float32 [H, W] in place of boxes and masks."""
        return [_of(sample) for sample in samples]


def _of(sample: Sample) -> Sample:
    label = np.zeros(sample["image"].shape[-2:], np.int64)
    core = np.zeros(label.shape, np.float32)
    masks, classes = sample["gt_segm"], sample["gt_class"].reshape(-1)
    for index in np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable"):
        place = _place(masks[index])
        if place is None:
            continue
        cut = masks[index][place]
        inside = cut > 0
        label[place][inside] = classes[index] + 1
        core[place][inside] = _depth(cut)[inside]
    kept = {name: value for name, value in sample.items() if not name.startswith("gt_") and name != "is_crowd"}
    return {**kept, "gt_label": label, "gt_core": core}


def _place(mask: Mask) -> tuple[slice, slice] | None:
    """Rows and columns of the box around a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _depth(cut: Mask) -> NDArray[np.float32]:
    """Distance to the outline, 1 in the core: at `_DEEPEST_PX`, or as deep as the object is."""
    distance = cv2.distanceTransform(np.pad(cut, 1), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.asarray(np.minimum(distance / min(distance.max(), _DEEPEST_PX), 1), np.float32)
