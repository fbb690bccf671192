"""Class names and their ids: fixed once, then carried by every checkpoint, metric, result and legend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

IGNORE_INDEX = 255
BACKGROUND_NAME = "_background_"
IGNORE_NAME = "__ignore__"
NO_CLASSES = (IGNORE_NAME, BACKGROUND_NAME)
"""Labels of regions that are not objects: ignored pixels and the background."""
_BACKGROUND_WORDS = frozenset({BACKGROUND_NAME, "background", "__background__", "bg"})


def is_background(name: str) -> bool:
    """Whether a class name means "nothing of interest"."""
    return name.lower() in _BACKGROUND_WORDS


@dataclass(frozen=True)
class ClassMap:
    """Class names in order of their ids, starting at 0.

    For semantic data the background, if there is one, is an ordinary class (usually id 0); `ignore_index` marks pixels
    that count neither in the loss nor in any metric.
    """

    names: tuple[str, ...]
    ignore_index: int = IGNORE_INDEX

    def __post_init__(self) -> None:
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled:
            raise ValueError(f"class names must differ, these occur more than once: {', '.join(doubled)}")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def id_of(self, name: str) -> int:
        """The id of a class name; ValueError when there is none."""
        return self.names.index(name)

    def name_of(self, class_id: int) -> str:
        """The name of an id; ``class_7`` where a model knows more classes than there are names."""
        return self.names[class_id] if class_id < len(self) else f"class_{class_id}"

    @staticmethod
    def numbered(count: int) -> ClassMap:
        """Names for a dataset that brings none: ``class_0``, ``class_1``, ..."""
        return ClassMap(tuple(f"class_{index}" for index in range(count)))
