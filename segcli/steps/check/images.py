"""What a check keeps of each image, whatever the labels are: sizes, signatures, groups."""

from __future__ import annotations

from collections.abc import Iterator
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


class ImageTally:
    """Sizes, copies, groups and faulty places of the images seen so far.

    Args:
        root: Folder that names in findings are relative to.
        rules: Rules of images that belong together.
        group_of: From an image's name to its group; None where nobody said what belongs together.
    """

    def __init__(self, root: Path, rules: SplitRules, group_of: GroupOf | None = None) -> None:
        self.sizes = SizeRange()
        self.places = Places()
        self.numbers = {split: ImageNumbers() for split in Split}
        self._copies = Copies(root, rules, self.places)
        self._groups = GroupTally(root, rules.group, group_of)

    def update(self, image: SeenImage, file: FileFacts) -> Iterator[Finding]:
        """Adds one image; yields the findings that are known already."""
        if file.header is not None:
            self.sizes.update(file.header.size)
        self.numbers[image.split].update(file.header, file.colours)
        self._groups.update(image)
        yield from self._copies.update(image, file)

    def findings(self, workers: int | None = None) -> Iterator[Finding]:
        """What is known once all images were added."""
        yield from self._copies.findings(workers)
        yield from self._groups.findings()
