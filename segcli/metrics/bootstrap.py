"""How far a number would move with other images of the same kind: bootstrap over images, or over groups of them.

Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile intervals). A replicate says how
often each image is drawn; a metric that is a function of sums costs one matrix product for all replicates together.
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
"""Numbers of draws that are in memory together (8 bytes each)."""


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
    """The percentile interval of one number's replicates [R]; those that are not defined are left out.

    Returns:
        None where fewer than half of them are defined: the number hangs on a few images.
    """
    known = replicates[~np.isnan(replicates)]
    if 2 * len(known) < len(replicates) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def unit_of_images(groups: Sequence[str | None] | None, images: int) -> NDArray[np.int64]:
    """The number of the unit that each image belongs to, int64 [images]; an image without a group is one of its own."""
    if groups is None:
        return np.arange(images)
    names: dict[object, int] = {}
    units = [names.setdefault(place if group is None else group, len(names)) for place, group in enumerate(groups)]
    return np.array(units, np.int64)


def sums_of_units(rows: NDArray[Any], units: NDArray[np.int64]) -> Values:
    """What the images of each unit sum up to: float64 [units, columns] of rows [images, columns]."""
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
        rows: What is summed [images, columns].
        of: From sums [R, columns] to the numbers [R, ...].
        replicates: How many.
        units: Number of the unit of each image; None draws images.

    Returns:
        [replicates, ...].
    """
    summed = sums_of_units(rows, np.arange(len(rows)) if units is None else units)
    return np.concatenate([of(weights @ summed) for weights in draws(len(summed), replicates)])
