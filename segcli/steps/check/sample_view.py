"""What a rule on one sample of a semantic dataset is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from segcli.steps.check.files import Fault
from segcli.steps.check.inspection import SampleFacts


@dataclass(frozen=True)
class MaskScale:
    """What the values of a mask may be.

    Attributes:
        classes: Ids lie below this number.
        ignore_index: The value that stands for no class.
        has_background: Whether id 0 is, or may be, the background; a mask of sea only is no fault.
    """

    classes: int
    ignore_index: int
    has_background: bool = True


@dataclass(frozen=True)
class SampleView:
    """One sample as its rules see it.

    Attributes:
        facts: What is known of both files.
        image: Name of the image, relative to the dataset.
        mask: Name of the mask, likewise.
        scale: What the values of masks may be.
    """

    facts: SampleFacts
    image: str
    mask: str
    scale: MaskScale


SampleRule = Callable[[SampleView], Iterator[Fault]]
"""Yields the id of a rule, the name of the file, the message, and a remedy where it is more exact than the rule's."""
