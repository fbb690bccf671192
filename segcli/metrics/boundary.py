"""Boundary IoU: how well the contours agree, to which mIoU is insensitive for large objects.

Cheng, Girshick, Dollár, Berg, Kirillov, "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation",
CVPR 2021, https://arxiv.org/abs/2103.16562
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_rows import Row
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_scores import Values, ratio

DILATION_RATIO = 0.02
"""Width of the band along a contour as a share of the image's diagonal (the paper's value)."""


def count_boundary(pair: LabelPair) -> Row:
    """Intersection and union of the bands along the contours of one image, in pixels per class.

    Returns:
        int64 [2 x classes]: intersections, then unions.
    """
    pixels = np.zeros((2, pair.num_classes), np.int64)
    width_px = max(1, round(DILATION_RATIO * float(np.hypot(*pair.truth.shape))))
    for class_id in pair.present:
        predicted = band(pair.prediction == class_id, width_px) & pair.counted
        true = band(pair.truth == class_id, width_px) & pair.counted
        pixels[:, class_id] = np.count_nonzero(predicted & true), np.count_nonzero(predicted | true)
    return pixels.reshape(-1)


def boundary_iou(sums: NDArray[Any]) -> Values:
    """Boundary IoU of each class [..., classes] from sums of `count_boundary`; NaN where a class is in neither."""
    intersection, union = np.split(sums, 2, axis=-1)
    return ratio(intersection, union)


def band(region: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    """The pixels of a region within `width_px` of its contour; the image's edge belongs to the contour.

    Equals the region minus its erosion by `width_px` steps with a 3 x 3 square, in a time that does not depend on the
    width: a pixel is eroded if its chessboard distance to the outside is at most the width.
    """
    padded = cv2.copyMakeBorder(region.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = np.asarray(cv2.distanceTransform(padded, cv2.DIST_C, 3))[1:-1, 1:-1]
    return np.logical_and(region, distance <= width_px)
