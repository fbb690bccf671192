"""Boundary IoU: how well the outlines agree, which mIoU hardly sees on large objects.

Cheng, Girshick, Dollár, Berg, Kirillov, "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation",
CVPR 2021, https://arxiv.org/abs/2103.16562
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.metrics.semantic_scores import Values

DILATION_RATIO = 0.02
"""Width of the band along an outline as a share of the image's diagonal (the paper's choice)."""


class BoundaryCounts:
    """Pixels of the bands along the outlines: in both, and in either, a class.

    Args:
        num_classes: Number of classes.
        ignore_index: Truth value of the pixels that count for nothing.
    """

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.both = np.zeros(num_classes, np.int64)
        self.either = np.zeros(num_classes, np.int64)

    def update(self, prediction: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
        """Adds one image: ids uint8 [H, W]."""
        counted = truth != self.ignore_index
        width_px = max(1, round(DILATION_RATIO * float(np.hypot(*truth.shape))))
        present = set(np.unique(prediction)) | set(np.unique(truth))
        for class_id in present - {self.ignore_index}:
            ours = band(prediction == class_id, width_px) & counted
            theirs = band(truth == class_id, width_px) & counted
            self.both[class_id] += np.count_nonzero(ours & theirs)
            self.either[class_id] += np.count_nonzero(ours | theirs)

    def merge(self, other: BoundaryCounts) -> None:
        """Adds what another counter of the same classes has counted."""
        self.both += other.both
        self.either += other.either

    def compute(self) -> Values:
        """Boundary IoU of each class, float64 [classes]; NaN for a class in neither truth nor prediction."""
        result = np.full(self.num_classes, np.nan)
        np.divide(self.both, self.either, out=result, where=self.either > 0)
        return result


def band(region: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    """The pixels of a region within `width_px` of its outline; the image's edge belongs to the outline.

    The same as region minus its erosion by `width_px` steps of a 3 x 3 square, in a time that does not grow with the
    width: a pixel is eroded when its chessboard distance to the outside is at most the width.
    """
    padded = np.pad(region.view(np.uint8), 1)
    distance = np.asarray(cv2.distanceTransform(padded, cv2.DIST_C, 3))[1:-1, 1:-1]
    return np.logical_and(region, distance <= width_px)
