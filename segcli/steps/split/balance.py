"""How many pixels or objects of every class each split has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcli.data.splits.partition import Divisible
from segcli.plurals import counted

_SHOWN = 20


@dataclass(frozen=True)
class ClassInSplit:
    """One class in one split: number of images that show it, and of pixels or objects."""

    images: int
    amount: int


@dataclass(frozen=True)
class Balance:
    """Every class in every split.

    Attributes:
        unit: ``pixels`` or ``objects``.
        classes: Counts by class name, then by split.
        sizes: Number of images per split.
    """

    unit: str
    classes: Mapping[str, Mapping[str, ClassInSplit]]
    sizes: Mapping[str, int]

    def as_list(self) -> list[dict[str, Any]]:
        """Plain values, for JSON: one entry per class."""
        return [
            {
                "name": name,
                **{f"{split}_images": found.images for split, found in splits.items()},
                **{f"{split}_{self.unit}": found.amount for split, found in splits.items()},
            }
            for name, splits in self.classes.items()
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

    def _row(self, splits: Mapping[str, ClassInSplit]) -> str:
        whole = sum(found.amount for found in splits.values())
        if not whole:
            return "in no image"
        return "; ".join(
            f"{split} {100 * found.amount / whole:.0f} % of the {self.unit}, {counted(found.images, 'image')}"
            for split, found in splits.items()
        )

    def _distance(self, name: str) -> float:
        """The largest difference between a split's share of the class and its share of the images."""
        splits, images = self.classes[name], sum(self.sizes.values())
        whole = sum(found.amount for found in splits.values())
        return max(abs(found.amount / max(whole, 1) - self.sizes[split] / images) for split, found in splits.items())


def balance_of(
    images: Sequence[Divisible], splits: Mapping[str, Sequence[int]], names: Mapping[int, str], unit: str
) -> Balance:
    """Counts every class in every split.

    Args:
        images: The images that were split, with their amounts per class.
        splits: Positions in `images`, by split.
        names: Class names by id; an id without one is named ``class_<id>``.
        unit: What the amounts count, ``pixels`` or ``objects``.
    """
    ids = sorted({*names, *(class_id for image in images for class_id in image.amounts)})
    classes = {}
    for class_id in ids:
        amounts = {split: [images[number].amounts.get(class_id, 0) for number in own] for split, own in splits.items()}
        classes[names.get(class_id, f"class_{class_id}")] = {
            split: ClassInSplit(sum(amount > 0 for amount in own), sum(own)) for split, own in amounts.items()
        }
    return Balance(unit, classes, {split: len(own) for split, own in splits.items()})
