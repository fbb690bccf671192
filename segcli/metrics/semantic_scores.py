"""Metrics of semantic segmentation: pure functions of the pixels of each class.

They take one measurement or many at once; the leading axes of the totals stay. A value that is not defined (the IoU of
a class in neither truth nor prediction) is NaN, never 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.class_totals import ClassTotals

AbsentClass = Literal["exclude", "zero", "mmseg", "paddleseg"]
"""What a class in neither truth nor prediction does to a mean: see `ABSENT`."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class AbsentPolicy:
    """How a class in neither truth nor prediction counts in a mean.

    Attributes:
        as_zero: It counts 0; False leaves it out.
        words: The same for people.
    """

    as_zero: bool
    words: str


_LEFT_OUT, _ZERO = "a class in neither truth nor prediction is left out of the mean", "a class in neither counts 0"
ABSENT: dict[AbsentClass, AbsentPolicy] = {
    "exclude": AbsentPolicy(False, _LEFT_OUT),
    "zero": AbsentPolicy(True, f"{_ZERO} in the mean"),
    "mmseg": AbsentPolicy(False, f"{_LEFT_OUT}, as in mmsegmentation 1.2"),
    "paddleseg": AbsentPolicy(True, f"{_ZERO} in the mean, as in PaddleSeg 2.8"),
}
"""By the value of `Evaluate.absent_class`."""


def iou(totals: ClassTotals) -> Values:
    """Intersection over union (Jaccard index) of each class, float64 [..., classes]."""
    return ratio(totals.hits, totals.predicted + totals.true - totals.hits)


def dice(totals: ClassTotals) -> Values:
    """Dice coefficient (F1) of each class, float64 [..., classes]."""
    return ratio(2 * totals.hits, totals.predicted + totals.true)


def precision(totals: ClassTotals) -> Values:
    """Share of the pixels predicted as a class that are it, float64 [..., classes]; NaN where it is never predicted."""
    return ratio(totals.hits, totals.predicted)


def recall(totals: ClassTotals) -> Values:
    """Share of the pixels of a class that are found, float64 [..., classes]; NaN where the class never occurs."""
    return ratio(totals.hits, totals.true)


def accuracy(totals: ClassTotals) -> Values:
    """Share of the pixels that are right, float64 [...]; NaN without any pixel."""
    return ratio(totals.hits.sum(axis=-1), totals.true.sum(axis=-1))


def kappa(totals: ClassTotals) -> Values:
    """Agreement beyond chance, float64 [...].

    Cohen, "A coefficient of agreement for nominal scales", 1960. NaN where truth and prediction are one and the same
    single class, for which chance already agrees.
    """
    pixels = totals.true.sum(axis=-1, keepdims=True)
    shares = ratio(totals.predicted, pixels), ratio(totals.true, pixels)
    chance = np.einsum("...c,...c->...", *shares)
    return ratio(accuracy(totals) - chance, 1 - chance)


def frequency_weighted_iou(totals: ClassTotals) -> Values:
    """IoU of each class weighted by its share of the true pixels, float64 [...].

    Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, section 5.
    """
    return ratio((np.nan_to_num(iou(totals)) * totals.true).sum(axis=-1), totals.true.sum(axis=-1))


def mean(values: Values, absent: AbsentClass = "exclude") -> Values:
    """Mean over the classes, float64 [...].

    Args:
        values: One value per class [..., classes], NaN for a class in neither truth nor prediction.
        absent: How such classes count.
    """
    defined = np.ones(values.shape, np.bool_) if ABSENT[absent].as_zero else ~np.isnan(values)
    return ratio(np.nan_to_num(values).sum(axis=-1), defined.sum(axis=-1))


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Values:
    """Element by element, NaN where the whole is 0: float64 of their common shape."""
    part, whole = np.broadcast_arrays(part, whole)
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def plain(value: Any) -> float | None:
    """A number for JSON; None for NaN."""
    return None if np.isnan(value) else float(value)
