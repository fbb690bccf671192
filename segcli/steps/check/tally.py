"""Counts over all masks: pixels and images of each class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segcli.data.samples import Split
from segcli.steps.check.inspection import SampleFacts


def _no_counts() -> dict[Split, NDArray[np.int64]]:
    return {split: np.zeros(256, np.int64) for split in Split}


@dataclass
class Tally:
    """Sums over the samples seen so far.

    Attributes:
        pixels: Pixels of each id, int64 [256], by split.
        images: Masks that hold each id, int64 [256], by split.
    """

    pixels: dict[Split, NDArray[np.int64]] = field(default_factory=_no_counts)
    images: dict[Split, NDArray[np.int64]] = field(default_factory=_no_counts)
    _sets: Counter[bytes] = field(default_factory=Counter)

    def update(self, facts: SampleFacts, times: int = 1) -> None:
        """Adds one sample that is in its list `times` times."""
        if facts.counts is not None:
            self.pixels[facts.split] += facts.counts * times
            is_present = facts.counts > 0
            self.images[facts.split] += is_present * times
            self._sets[np.packbits(is_present).tobytes()] += times

    @property
    def together(self) -> NDArray[np.int64]:
        """Masks that hold both of two ids, int64 [256, 256]."""
        counts = np.zeros((256, 256), np.int64)
        for packed, number in self._sets.items():
            present = np.flatnonzero(np.unpackbits(np.frombuffer(packed, np.uint8)))
            counts[present[:, np.newaxis], present] += number
        return counts

    def ids(self) -> set[int]:
        """Every value that occurs in any mask."""
        seen = sum(self.images.values(), np.zeros(256, np.int64))
        return {int(value) for value in np.flatnonzero(seen)}
