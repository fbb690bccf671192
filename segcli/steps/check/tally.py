"""Counts over all masks: pixels and images of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segcli.data.samples import Split
from segcli.steps.check.inspection import SampleFacts

_AT_ONCE = 256


def _no_counts() -> dict[Split, NDArray[np.int64]]:
    return {split: np.zeros(256, np.int64) for split in Split}


@dataclass
class Tally:
    """Sums over the samples seen so far."""

    _pixels: dict[Split, NDArray[np.int64]] = field(default_factory=_no_counts)
    _waiting: dict[Split, list[NDArray[np.int64]]] = field(default_factory=lambda: {split: [] for split in Split})
    _sets: dict[Split, Counter[bytes]] = field(default_factory=lambda: {split: Counter() for split in Split})

    def update(self, facts: SampleFacts, times: int = 1) -> None:
        """Adds one sample that is in its list `times` times."""
        if facts.counts is not None:
            waiting = self._waiting[facts.split]
            waiting.append(facts.counts if times == 1 else facts.counts * times)
            if len(waiting) == _AT_ONCE:
                self._add(facts.split)
            self._sets[facts.split][facts.ids] += times

    def _add(self, split: Split) -> None:
        """Adds what waits, at once: one by one takes three times as long."""
        waiting = self._waiting[split]
        if waiting:
            self._pixels[split] += np.sum(waiting, axis=0)
            waiting.clear()

    @property
    def pixels(self) -> dict[Split, NDArray[np.int64]]:
        """Pixels of each id, int64 [256], by split."""
        for split in Split:
            self._add(split)
        return self._pixels

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
