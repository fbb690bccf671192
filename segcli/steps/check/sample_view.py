"""Input and output of the rules on one sample of a semantic dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from segcli.data.formats.masks import list_place
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
    def of(cls, facts: SampleFacts, name_of: Callable[[str], str], scale: MaskScale) -> SampleView:
        """The view of a sample of the dataset whose files have these names, see `relative_names`."""
        sample = facts.sample
        image, mask = name_of(sample.image_file), name_of(sample.mask_file)
        return cls(facts, image, mask, list_place(sample, facts.split), scale)


SampleRule = Callable[[SampleView], Iterator[Fault]]
"""Yields the id of a rule, the name of the file, the message, and a remedy if it is more specific than the rule's."""
