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

from segcli.metrics.image_rows import Row
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_scores import Values, ratio

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
COLUMNS = 2
"""Numbers per class: sum over the images, and how many there are."""


def count_nsd(pair: LabelPair, *, tolerance_px: float) -> Row:
    """Surface Dice of each class in one image: float64 [2 x classes], the value and 1 where the class is there.

    Args:
        pair: The label maps.
        tolerance_px: Distance up to which a surface pixel is right.
    """
    row = np.zeros((COLUMNS, pair.num_classes))
    for class_id, there, back in pair.once(surface_distances):
        right = np.count_nonzero(there <= tolerance_px) + np.count_nonzero(back <= tolerance_px)
        row[:, class_id] = right / (len(there) + len(back)), 1
    return row.reshape(-1)


def count_hd95(pair: LabelPair) -> Row:
    """HD95 of each class in one image in pixels, likewise; the image's diagonal where one of both lacks the class."""
    row = np.zeros((COLUMNS, pair.num_classes))
    for class_id, there, back in pair.once(surface_distances):
        alone = not len(there) or not len(back)
        far = float(np.hypot(*pair.truth.shape)) if alone else max(np.percentile(there, 95), np.percentile(back, 95))
        row[:, class_id] = far, 1
    return row.reshape(-1)


def mean_over_images(sums: NDArray[Any]) -> Values:
    """The mean of each class [..., classes] of sums of a count; NaN where a class is nowhere."""
    values, images = np.split(sums, COLUMNS, axis=-1)
    return ratio(values, images)


def surface_distances(pair: LabelPair) -> list[tuple[int, Values, Values]]:
    """Per class: distances from the predicted surface to the true one, and back; infinite where the other is empty."""
    found = []
    for class_id in pair.present:
        surfaces = [_surface((ids == class_id) & pair.counted) for ids in (pair.prediction, pair.truth)]
        top, left, bottom, right = _bounds(surfaces[0] | surfaces[1])
        ours, theirs = (one[top:bottom, left:right] for one in surfaces)
        found.append((class_id, _to(theirs)[ours], _to(ours)[theirs]))
    return found


def _surface(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pixels = region.astype(np.uint8)
    core = cv2.erode(pixels, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(pixels != core, np.bool_)


def _bounds(pixels: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _to(surface: NDArray[np.bool_]) -> Values:
    """Distance of every pixel to a surface.

    OpenCV's last digit depends on where in memory an image lies. Squares of distances between pixels are integers, by
    which all digits are right (below 2,000 px, from where on a float32 square is not within one half of its integer).
    """
    if not surface.any():
        return np.full(surface.shape, np.inf)
    away = np.ascontiguousarray(~surface).view(np.uint8)
    found = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    exact: Values = np.sqrt(np.rint(np.square(found, dtype=np.float64)))
    return exact
