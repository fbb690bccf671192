"""Input and output of the rules on one sample of a semantic dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from segcli.data.formats.masks import list_place
from segcli.data.lists import relative_name
from segcli.steps.check.files import Fault
from segcli.steps.check.inspection import SampleFacts


@dataclass(frozen=True)
class MaskScale:
    """The allowed values of a mask.

    Attributes:
        classes: Number of allowed ids, 0 to `classes` - 1.
        ignore_index: The value that stands for no class.
        has_background: Whether id 0 is, or may be, the background; else a mask with only id 0 is no fault.
    """

    classes: int
    ignore_index: int
    has_background: bool = True


class SampleView(NamedTuple):
    """One sample, as input of the rules.

    Attributes:
        facts: Facts of both files.
        image: Name of the image, relative to the dataset.
        mask: Name of the mask, relative to the dataset.
        place: Location of the sample, for messages.
        scale: The allowed values of masks.
    """

    facts: SampleFacts
    image: str
    mask: str
    place: str
    scale: MaskScale

    @classmethod
    def of(cls, facts: SampleFacts, root: Path, scale: MaskScale) -> SampleView:
        """The view of a sample of the dataset in `root`."""
        sample = facts.sample
        image, mask = relative_name(sample.image_file, root), relative_name(sample.mask_file, root)
        return cls(facts, image, mask, list_place(sample, facts.split), scale)


SampleRule = Callable[[SampleView], Iterator[Fault]]
"""Yields the id of a rule, the name of the file, the message, and a remedy if it is more specific than the rule's."""
