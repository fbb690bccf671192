"""How far outlines lie apart in pixels: normalised surface Dice (NSD), 95th percentile Hausdorff distance (HD95).

Nikolov et al., "Clinically Applicable Segmentation of Head and Neck Anatomy", JMIR 2021 (surface Dice); Huttenlocher et
al., 1993 (Hausdorff). Surfaces are the pixels of a region that touch its outside with an edge, as in MONAI; both
numbers are means over the images that hold the class in truth or prediction.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.metrics.image_rows import Row
from segcli.metrics.semantic_scores import Values, ratio

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
COLUMNS = 2
"""Numbers per class: sum over the images, and how many there are."""


def count_nsd(
    prediction: Labels, truth: Labels, num_classes: int, ignore_index: int = 255, *, tolerance_px: float
) -> Row:
    """Surface Dice of each class in one image: float64 [2 x classes], the value and 1 where the class is there.

    Args:
        prediction: Predicted ids, uint8 [H, W].
        truth: True ids, uint8 [H, W].
        num_classes: Number of classes.
        ignore_index: Truth value of the pixels that count for nothing.
        tolerance_px: Distance up to which a surface pixel is right.
    """
    row = np.zeros((COLUMNS, num_classes))
    for class_id, ours, theirs in _distances(prediction, truth, ignore_index):
        right = np.count_nonzero(ours <= tolerance_px) + np.count_nonzero(theirs <= tolerance_px)
        row[:, class_id] = right / (len(ours) + len(theirs)), 1
    return row.reshape(-1)


def count_hd95(prediction: Labels, truth: Labels, num_classes: int, ignore_index: int = 255) -> Row:
    """HD95 of each class in one image in pixels, likewise; the image's diagonal where one of both lacks the class."""
    row = np.zeros((COLUMNS, num_classes))
    for class_id, ours, theirs in _distances(prediction, truth, ignore_index):
        alone = not len(ours) or not len(theirs)
        far = float(np.hypot(*truth.shape)) if alone else max(np.percentile(ours, 95), np.percentile(theirs, 95))
        row[:, class_id] = far, 1
    return row.reshape(-1)


def mean_over_images(sums: NDArray[Any]) -> Values:
    """The mean of each class [..., classes] of sums of a count; NaN where a class is nowhere."""
    values, images = np.split(sums, COLUMNS, axis=-1)
    return ratio(values, images)


def _distances(prediction: Labels, truth: Labels, ignore_index: int) -> list[tuple[int, Values, Values]]:
    """Per class: distances from the predicted surface to the true one, and back; infinite where the other is empty."""
    counted = truth != ignore_index
    present = (set(np.unique(prediction[counted])) | set(np.unique(truth))) - {ignore_index}
    found = []
    for class_id in sorted(present):
        surfaces = [_surface((ids == class_id) & counted) for ids in (prediction, truth)]
        top, left, bottom, right = _bounds(surfaces[0] | surfaces[1])
        ours, theirs = (one[top:bottom, left:right] for one in surfaces)
        found.append((int(class_id), _to(theirs)[ours], _to(ours)[theirs]))
    return found


def _surface(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pixels = region.astype(np.uint8)
    core = cv2.erode(pixels, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(pixels != core, np.bool_)


def _bounds(pixels: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _to(surface: NDArray[np.bool_]) -> Values:
    """Distance of every pixel to a surface."""
    if not surface.any():
        return np.full(surface.shape, np.inf)
    away = np.ascontiguousarray(~surface).view(np.uint8)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float64)
