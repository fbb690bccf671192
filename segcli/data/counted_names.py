"""Names of classes that count the objects of an image, such as cat0, cat1, cat2, instead of naming what they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

FEWEST_IMAGES = 5
FEWEST_NAMES = 3
_MOST_FULL = 0.75
"""Share of the images with all names from which they name parts, of which some are cut off or hidden now and then."""
_NUMBERED = re.compile(r"(?P<stem>(?:.*?[^0-9])?)(?P<number>[0-9]{1,4})")


@dataclass(frozen=True)
class CountedName:
    """A name with numbers that count objects.

    Attributes:
        stem: The name without the number, as it is written before it.
        first: The least number.
        names: The names as they are written, by rising number.
        images: Number of images that have such names.
    """

    stem: str
    first: int
    names: tuple[str, ...]
    images: int

    @property
    def name(self) -> str:
        """The name without the number; empty where nothing but signs stands before it."""
        return self.stem.rstrip(" _-#.:")

    @property
    def told(self) -> str:
        """What a finding says."""
        names = f"{self.names[0]!r} to {self.names[-1]!r}"
        return (
            f"{names} count the objects: each of {self.images} images begins with {self.first}, and repeats no number"
        )


def counted_names(images: Iterable[Sequence[str]]) -> list[CountedName]:
    """The numbered names that are counted anew in each image.

    Classes such as grade1, grade2, grade3 are seen alone, twice in one image, or all in nearly every image; numbers of
    objects begin at the same number in every image, without gaps and repeats, and more or fewer of them from image to
    image.

    Args:
        images: The names of the objects of each image.
    """
    numbers: dict[str, list[list[int]]] = defaultdict(list)
    written: dict[str, set[tuple[int, str]]] = defaultdict(set)
    parts = cache(_NUMBERED.fullmatch)  # few names of very many objects
    for names in images:
        own: dict[str, list[int]] = defaultdict(list)
        for name in names:
            found = parts(name)
            if found is not None:
                own[found["stem"]].append(int(found["number"]))
                written[found["stem"]].add((int(found["number"]), name))
        for stem, counted in own.items():
            numbers[stem].append(sorted(counted))
    return [
        CountedName(stem, own[0][0], tuple(name for _, name in sorted(written[stem])), len(own))
        for stem, own in numbers.items()
        if _count_objects(own)
    ]


def _count_objects(images: Sequence[Sequence[int]]) -> bool:
    first = images[0][0]
    several = sum(len(own) > 1 for own in images)
    lengths = [len(own) for own in images]
    return (
        len(images) >= FEWEST_IMAGES
        and first in (0, 1)
        and max(lengths) >= FEWEST_NAMES
        and 2 * several > len(images)
        and lengths.count(max(lengths)) <= _MOST_FULL * len(images)
        and all(list(own) == list(range(first, first + len(own))) for own in images)
    )
