"""Counts for the metrics of label maps: correctly labelled, true and predicted pixels per class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.confusion import Counts
from segcli.metrics.image_rows import ImageRows


@dataclass(frozen=True)
class ClassTotals:
    """Pixels per class, of one evaluation or of many at once (images, bootstrap replicates).

    Attributes:
        hits: Correctly labelled pixels [..., classes].
        true: Pixels whose true class is each class [..., classes].
        predicted: Pixels predicted as each class [..., classes].
    """

    hits: NDArray[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]

    @staticmethod
    def of(matrix: Counts) -> ClassTotals:
        """The totals of confusion matrices [..., truth, prediction]."""
        return ClassTotals(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2))

    def as_rows(self) -> NDArray[np.float64]:
        """All three concatenated, float64 [..., 3 x classes], for weighted sums over images."""
        return np.concatenate([self.hits, self.true, self.predicted], axis=-1, dtype=np.float64)

    @staticmethod
    def from_rows(rows: NDArray[Any]) -> ClassTotals:
        """The inverse of `as_rows`."""
        return ClassTotals(*np.split(rows, 3, axis=-1))

    @staticmethod
    def of_images(confusions: ImageRows, num_classes: int) -> ClassTotals:
        """The totals of each image [images, classes], from rows that are flat confusion matrices."""
        found = np.zeros((3, len(confusions), num_classes), np.int64)
        for image, (cells, pixels) in enumerate(confusions.sparse()):
            truth, prediction = np.divmod(cells, num_classes)
            right = truth == prediction
            found[0, image, truth[right]] = pixels[right]
            np.add.at(found[1, image], truth, pixels)
            np.add.at(found[2, image], prediction, pixels)
        return ClassTotals(*found)
