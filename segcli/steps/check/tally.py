"""Counts over all masks: pixels and images of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segcli.data.samples import Split
from segcli.steps.check.inspection import SampleFacts


@dataclass
class Tally:
    """Sums over the samples seen so far.

    Attributes:
        pixels: Pixels of each id, int64 [256], by split.
    """

    pixels: dict[Split, NDArray[np.int64]] = field(
        default_factory=lambda: {split: np.zeros(256, np.int64) for split in Split}
    )
    _sets: dict[Split, Counter[bytes]] = field(default_factory=lambda: {split: Counter() for split in Split})

    def update(self, split: Split, samples: Sequence[SampleFacts], times: Sequence[int]) -> None:
        """Adds samples of a split, each of which is in its list so many `times`."""
        masks = [
            (facts.ids, facts.counts, number)
            for facts, number in zip(samples, times, strict=True)
            if facts.counts is not None
        ]
        ids = np.frombuffer(b"".join([own for own, _, _ in masks]), np.uint8)
        np.add.at(self.pixels[split], ids, [count * number for _, counts, number in masks for count in counts])
        sets = self._sets[split]
        for own, _, number in masks:
            sets[own] += number

    @property
    def images(self) -> dict[Split, NDArray[np.int64]]:
        """Masks that hold each id, int64 [256], by split."""
        return {split: masks_with_ids(sets) for split, sets in self._sets.items()}

    @property
    def together(self) -> NDArray[np.int64]:
        """Masks that hold both of two ids, int64 [256, 256]."""
        counts = np.zeros((256, 256), np.int64)
        for sets in self._sets.values():
            for ids, number in sets.items():
                present = np.frombuffer(ids, np.uint8)
                counts[present[:, np.newaxis], present] += number
        return counts

    def ids(self) -> set[int]:
        """Every value that occurs in any mask."""
        return {value for sets in self._sets.values() for ids in sets for value in ids}


def masks_with_ids(sets: Mapping[bytes, int]) -> NDArray[np.int64]:
    """Masks that hold each id, int64 [256], from the number of masks that hold each set of ids."""
    counts = np.zeros(256, np.int64)
    for ids, number in sets.items():
        counts[np.frombuffer(ids, np.uint8)] += number
    return counts
