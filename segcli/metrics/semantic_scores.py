"""Metrics of semantic segmentation: pure functions of a confusion matrix [truth, prediction].

A value that is not defined (the IoU of a class in neither truth nor prediction) is NaN, never 0 or 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.confusion import Counts

AbsentClass = Literal["exclude", "zero"]
Values = NDArray[np.float64]


def hits(matrix: Counts) -> Counts:
    """Rightly predicted pixels of each class, int64 [classes]."""
    return np.diagonal(matrix)


def predicted(matrix: Counts) -> Counts:
    """Pixels predicted as each class, int64 [classes]."""
    return np.asarray(matrix.sum(axis=0))


def true(matrix: Counts) -> Counts:
    """Pixels that are each class, int64 [classes]."""
    return np.asarray(matrix.sum(axis=1))


def iou(matrix: Counts) -> Values:
    """Intersection over union (Jaccard index) of each class, float64 [classes]."""
    return _ratio(hits(matrix), predicted(matrix) + true(matrix) - hits(matrix))


def dice(matrix: Counts) -> Values:
    """Dice coefficient (F1) of each class, float64 [classes]."""
    return _ratio(2 * hits(matrix), predicted(matrix) + true(matrix))


def precision(matrix: Counts) -> Values:
    """Share of the pixels predicted as a class that are it, float64 [classes]; NaN where it is never predicted."""
    return _ratio(hits(matrix), predicted(matrix))


def recall(matrix: Counts) -> Values:
    """Share of the pixels of a class that are found, float64 [classes]; NaN where the class never occurs."""
    return _ratio(hits(matrix), true(matrix))


def accuracy(matrix: Counts) -> float:
    """Share of the pixels that are right; NaN without any pixel."""
    total = int(matrix.sum())
    return int(hits(matrix).sum()) / total if total else float("nan")


def kappa(matrix: Counts) -> float:
    """Agreement beyond chance.

    Cohen, "A coefficient of agreement for nominal scales", 1960. NaN where truth and prediction are one and the same
    single class, for which chance already agrees.
    """
    total = float(matrix.sum())
    if not total:
        return float("nan")
    chance = float((predicted(matrix) / total) @ (true(matrix) / total))
    return (accuracy(matrix) - chance) / (1 - chance) if chance < 1 else float("nan")


def mean(values: Values, absent: AbsentClass = "exclude") -> float:
    """Mean over the classes.

    Args:
        values: One value a class, NaN for a class in neither truth nor prediction.
        absent: Leaves such classes out, or counts them 0 as PaddleSeg 2.8 does.
    """
    if absent == "zero":
        return float(np.nan_to_num(values, nan=0.0).mean())
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _ratio(part: Counts, whole: Counts) -> Values:
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
