"""What a check keeps of the images, for all kinds of labels: sizes, signatures, groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.fingerprint.images import ImageNumbers
from segcli.data.samples import Split
from segcli.data.splits.groups import GroupOf
from segcli.findings import Finding
from segcli.steps.check.copies import Copies
from segcli.steps.check.files import FileFacts
from segcli.steps.check.groups import GroupTally
from segcli.steps.check.places import Places
from segcli.steps.check.seen import SeenImage, SplitRules

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass
class SizeRange:
    """The sizes of the images with the smallest and the largest area."""

    smallest: Size | None = None
    largest: Size | None = None

    def update(self, size: Size) -> None:
        """Adds one image."""
        if size in (self.smallest, self.largest):
            return
        if self.smallest is None or _area(size) < _area(self.smallest):
            self.smallest = size
        if self.largest is None or _area(size) > _area(self.largest):
            self.largest = size

    def compute(self) -> tuple[Size, Size] | None:
        """Both sizes; None when no image could be read."""
        return None if self.smallest is None or self.largest is None else (self.smallest, self.largest)


def _area(size: Size) -> int:
    return size[0] * size[1]


class ImageTally:
    """Numbers, duplicates, groups and places of findings of the images so far, those of train first.

    Args:
        root: Folder to which names in findings are relative.
        rules: Ids of the rules on duplicates and groups.
        group_of: Maps an image's name to its group; None if no groups are configured.
    """

    def __init__(self, root: Path, rules: SplitRules, group_of: GroupOf | None = None) -> None:
        self.places = Places()
        self.numbers = {split: ImageNumbers() for split in Split}
        self._copies = Copies(root, rules, self.places)
        self._groups = GroupTally(root, rules.group, group_of)

    @property
    def sizes(self) -> SizeRange:
        """The sizes of the smallest and the largest image so far."""
        sizes = SizeRange()
        for numbers in self.numbers.values():
            for header in numbers.headers:
                sizes.update(header.size)
        return sizes

    def update(self, split: Split, images: Sequence[SeenImage], files: Sequence[FileFacts]) -> list[Finding]:
        """Adds images of a split; the findings on exact duplicates."""
        self.numbers[split].update([file.header for file in files], [file.colours for file in files])
        self._groups.update(images)
        return self._copies.update(split, images, files)

    def findings(self, workers: int | None = None) -> Iterator[Finding]:
        """Findings that need all images, after all were added."""
        yield from self._copies.findings(workers)
        yield from self._groups.findings()
