"""What is kept of the images of a dataset while they pass by: range of sizes, and where each was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path

from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass
class SizeRange:
    """The image with the smallest area and the one with the largest."""

    smallest: Size | None = None
    largest: Size | None = None

    def update(self, size: Size) -> None:
        """Adds one image."""
        self.smallest = min(self.smallest or size, size, key=_area)
        self.largest = max(self.largest or size, size, key=_area)

    def compute(self) -> tuple[Size, Size] | None:
        """Both sizes; None when no image could be read."""
        return None if self.smallest is None or self.largest is None else (self.smallest, self.largest)


def _area(size: Size) -> int:
    return size[0] * size[1]


@dataclass(frozen=True)
class _Seen:
    """An image and the place that names it."""

    image: Path
    location: str


@dataclass
class Copies:
    """Finds images with the same bytes; 16 bytes and a reference an image are kept.

    Attributes:
        root: Folder that names in findings are relative to.
        across: Code of an image in both parts.
        within: Code of two files in one part.
    """

    root: Path
    across: str
    within: str
    first: dict[bytes, dict[Split, _Seen]] = field(default_factory=dict)

    def update(self, split: Split, image: Path, digest: bytes | None, location: str) -> Iterator[Finding]:
        """Adds one image, and says whether it is a copy of one before."""
        if digest is None:
            return
        seen = self.first.setdefault(digest, {})
        for other, earlier in seen.items():
            same_file = earlier.image == image
            if (same_file and other is split) or not (same_file or cmp(earlier.image, image, shallow=False)):
                continue
            message = f"the same bytes as {relative_name(earlier.image, self.root)} ({earlier.location})"
            code = self.within if other is split else self.across
            yield finding(code, relative_name(image, self.root), message, location=location)
        seen.setdefault(split, _Seen(image, location))
