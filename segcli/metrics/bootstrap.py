"""Confidence intervals of metrics: bootstrap over images, or over groups of images.

Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile intervals). A replicate counts how
often each image is drawn; a metric that is a function of sums needs one matrix product for all replicates together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

CONFIDENCE = 0.95
SEED = 0
_DRAWS_AT_ONCE = 4_000_000
"""Most draws that are in memory at the same time (8 bytes each)."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float
    high: float

    def as_list(self) -> list[float]:
        """Both ends, for JSON."""
        return [self.low, self.high]


def interval_of(replicates: NDArray[Any], confidence: float = CONFIDENCE) -> Interval | None:
    """The percentile interval of the replicates [R] of one metric; NaN values are left out.

    Returns:
        None where fewer than half of them are defined, because the metric depends on a few images.
    """
    known = replicates[~np.isnan(replicates)]
    if 2 * len(known) < len(replicates) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def unit_of_images(groups: Sequence[str | None] | None, images: int) -> NDArray[np.int64]:
    """Index of the unit of each image, int64 [images]; an image without a group is a unit of its own."""
    if groups is None:
        return np.arange(images)
    names: dict[object, int] = {}
    units = [names.setdefault(place if group is None else group, len(names)) for place, group in enumerate(groups)]
    return np.array(units, np.int64)


def sums_of_units(rows: NDArray[Any], units: NDArray[np.int64]) -> Values:
    """Sums rows [images, columns] over the images of each unit: float64 [units, columns]."""
    count = int(units.max(initial=-1)) + 1
    if count == len(rows):
        return rows.astype(np.float64)
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, units, rows)
    return sums


def draws(units: int, replicates: int, seed: int = SEED) -> Iterator[Values]:
    """How often each unit is drawn in each replicate: float64 [some replicates, units], part by part to save memory.

    The same seed gives the same numbers, however many parts there are.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    at_once = max(1, min(replicates, _DRAWS_AT_ONCE // max(units, 1)))
    for begin in range(0, replicates, at_once):
        count = min(at_once, replicates - begin)
        drawn = generator.integers(0, units, (count, units)) + units * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(np.float64)


def resampled_sums(
    rows: NDArray[Any], of: Callable[[Values], Values], replicates: int, units: NDArray[np.int64] | None = None
) -> Values:
    """A function of sums over images, for each replicate.

    Args:
        rows: Numbers to sum [images, columns].
        of: Converts sums [R, columns] into metrics [R, ...].
        replicates: Number of replicates.
        units: Index of the unit of each image; None draws single images.

    Returns:
        [replicates, ...].
    """
    summed = sums_of_units(rows, np.arange(len(rows)) if units is None else units)
    return np.concatenate([of(weights @ summed) for weights in draws(len(summed), replicates)])
