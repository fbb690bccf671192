"""What is added up over all samples: pixels and pictures of each class, sizes, and where each picture was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.check.inspection import SampleFacts
from segcli.data.codes import finding
from segcli.data.finding import Finding
from segcli.data.lists import relative_name
from segcli.data.samples import SegSample, Split
from segcli.data.seg_dataset import LIST_FILES


def _no_counts() -> dict[Split, NDArray[np.int64]]:
    return {split: np.zeros(256, np.int64) for split in Split}


@dataclass
class Tally:
    """Sums over the samples seen so far.

    Attributes:
        pixels: Pixels of each id, int64 [256], by part.
        pictures: Masks that hold each id, int64 [256], by part.
        smallest: Width and height in pixels of the picture with the smallest area.
        largest: Of the one with the largest.
    """

    pixels: dict[Split, NDArray[np.int64]] = field(default_factory=_no_counts)
    pictures: dict[Split, NDArray[np.int64]] = field(default_factory=_no_counts)
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None

    def update(self, facts: SampleFacts) -> None:
        """Adds one sample."""
        if facts.image.header is not None:
            size = facts.image.header.size
            self.smallest = min(self.smallest or size, size, key=_area)
            self.largest = max(self.largest or size, size, key=_area)
        if facts.counts is not None:
            self.pixels[facts.split] += facts.counts
            self.pictures[facts.split] += facts.counts > 0

    def size_range(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Smallest and largest width and height; None when no picture could be read."""
        return None if self.smallest is None or self.largest is None else (self.smallest, self.largest)

    def ids(self) -> set[int]:
        """Every value that occurs in any mask."""
        seen = sum(self.pictures.values(), np.zeros(256, np.int64))
        return {int(value) for value in np.flatnonzero(seen)}


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


@dataclass
class Copies:
    """Finds pictures with the same bytes; 16 bytes and a reference a picture are kept."""

    root: Path
    first: dict[bytes, dict[Split, SegSample]] = field(default_factory=dict)

    def update(self, facts: SampleFacts) -> Iterator[Finding]:
        """Adds one picture, and says whether it is a copy of one before."""
        if facts.digest is None:
            return
        seen = self.first.setdefault(facts.digest, {})
        location = f"{LIST_FILES[facts.split]} line {facts.sample.line}"
        path = relative_name(facts.sample.image, self.root)
        for split, earlier in seen.items():
            same_file = earlier.image == facts.sample.image
            if not same_file and not cmp(earlier.image, facts.sample.image, shallow=False):
                continue
            other = f"{relative_name(earlier.image, self.root)} ({LIST_FILES[split]} line {earlier.line})"
            if split is not facts.split:
                yield finding("S501", path, f"the same bytes as {other}", location=location)
            elif not same_file:
                yield finding("S502", path, f"the same bytes as {other}", location=location)
        seen.setdefault(facts.split, facts.sample)
