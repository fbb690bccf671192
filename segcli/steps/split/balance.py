"""How many pixels or objects of every class each part of a split has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcli.data.splits.partition import Divisible
from segcli.plurals import counted

_SHOWN = 20


@dataclass(frozen=True)
class PartOfClass:
    """One class in one part: number of images that show it, and of pixels or objects."""

    images: int
    amount: int


@dataclass(frozen=True)
class Balance:
    """Every class in every part.

    Attributes:
        unit: ``pixels`` or ``objects``.
        classes: Counts by class name, then by part.
        sizes: Number of images per part.
    """

    unit: str
    classes: Mapping[str, Mapping[str, PartOfClass]]
    sizes: Mapping[str, int]

    def as_list(self) -> list[dict[str, Any]]:
        """Plain values, for JSON: one entry per class."""
        return [
            {
                "name": name,
                **{f"{part}_images": found.images for part, found in parts.items()},
                **{f"{part}_{self.unit}": found.amount for part, found in parts.items()},
            }
            for name, parts in self.classes.items()
        ]

    def rows(self) -> list[tuple[str, str]]:
        """Rows for the terminal; of many classes only those that deviate most from their expected share."""
        names = list(self.classes)
        if len(names) > _SHOWN:
            names = sorted(names, key=self._distance, reverse=True)[:_SHOWN]
        rows = [(f"class {name}", self._row(self.classes[name])) for name in names]
        if len(self.classes) > _SHOWN:
            rows.append(("classes", f"{len(self.classes) - _SHOWN} more are closer to their expected share"))
        return rows

    def _row(self, parts: Mapping[str, PartOfClass]) -> str:
        whole = sum(found.amount for found in parts.values())
        if not whole:
            return "in no image"
        return "; ".join(
            f"{part} {100 * found.amount / whole:.0f} % of the {self.unit}, {counted(found.images, 'image')}"
            for part, found in parts.items()
        )

    def _distance(self, name: str) -> float:
        """The largest difference between a part's share of the class and its share of the images."""
        parts, images = self.classes[name], sum(self.sizes.values())
        whole = sum(found.amount for found in parts.values())
        return max(abs(found.amount / max(whole, 1) - self.sizes[part] / images) for part, found in parts.items())


def balance_of(
    images: Sequence[Divisible], parts: Mapping[str, Sequence[int]], names: Mapping[int, str], unit: str
) -> Balance:
    """Counts every class in every part.

    Args:
        images: The images that were split, with their amounts per class.
        parts: Positions in `images`, by part.
        names: Class names by id; an id without one is named ``class_<id>``.
        unit: What the amounts count, ``pixels`` or ``objects``.
    """
    ids = sorted({*names, *(class_id for image in images for class_id in image.amounts)})
    classes = {}
    for class_id in ids:
        amounts = {part: [images[number].amounts.get(class_id, 0) for number in own] for part, own in parts.items()}
        classes[names.get(class_id, f"class_{class_id}")] = {
            part: PartOfClass(sum(amount > 0 for amount in own), sum(own)) for part, own in amounts.items()
        }
    return Balance(unit, classes, {part: len(own) for part, own in parts.items()})
