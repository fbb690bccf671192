"""Input and output of the rules on one sample of a semantic dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
        scale: The allowed values of masks.
    """

    facts: SampleFacts
    image: str
    mask: str
    scale: MaskScale


SampleRule = Callable[[SampleView], Iterator[Fault]]
"""Yields the id of a rule, the name of the file, the message, and a remedy if it is more specific than the rule's."""
