"""Counts over all masks: pixels and images of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segcli.data.samples import Split
from segcli.steps.check.inspection import SampleFacts

_AT_ONCE = 1 << 12


@dataclass
class _PixelSums:
    """Pixels of each id, int64 [256]; counts wait until many are added at once, in a tenth of the time."""

    _sums: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    _ids: bytearray = field(default_factory=bytearray)
    _counts: list[int] = field(default_factory=list)

    def add(self, ids: bytes, counts: Iterable[int]) -> None:
        self._ids += ids
        self._counts += counts
        if len(self._ids) >= _AT_ONCE:
            self.compute()

    def compute(self) -> NDArray[np.int64]:
        if self._ids:
            np.add.at(self._sums, np.frombuffer(bytes(self._ids), np.uint8), self._counts)
            self._ids.clear()
            self._counts.clear()
        return self._sums


@dataclass
class Tally:
    """Sums over the samples seen so far."""

    _pixels: dict[Split, _PixelSums] = field(default_factory=lambda: {split: _PixelSums() for split in Split})
    _sets: dict[Split, Counter[bytes]] = field(default_factory=lambda: {split: Counter() for split in Split})

    def update(self, facts: SampleFacts, times: int = 1) -> None:
        """Adds one sample that is in its list `times` times."""
        if facts.counts is not None:
            counts = facts.counts if times == 1 else [count * times for count in facts.counts]
            self._pixels[facts.split].add(facts.ids, counts)
            self._sets[facts.split][facts.ids] += times

    @property
    def pixels(self) -> dict[Split, NDArray[np.int64]]:
        """Pixels of each id, int64 [256], by split."""
        return {split: sums.compute() for split, sums in self._pixels.items()}

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
