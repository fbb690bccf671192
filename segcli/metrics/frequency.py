"""Average precision of rare, common and frequent classes, as LVIS reports it.

Gupta, Dollár, Girshick, "LVIS: A Dataset for Large Vocabulary Instance Segmentation", CVPR 2019: a class is rare in 1
to 10 training images, common in 11 to 100, frequent in more; a class without training images counts as rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segcli.data.classes import ClassMap
from segcli.data.instances import InstanceSample

GROUPS = ("rare", "common", "frequent")


@dataclass(frozen=True)
class Frequencies:
    """How often classes occur in training.

    Attributes:
        images: Number of training images by class name.
        borders: Most images of a rare and of a common class.
    """

    images: Mapping[str, int]
    borders: tuple[int, int]

    @staticmethod
    def of(samples: Iterable[InstanceSample], classes: ClassMap, borders: tuple[int, int]) -> Frequencies:
        """Counts the images of the training split."""
        counts = np.zeros(len(classes), np.int64)
        for sample in samples:
            counts[sorted({value.class_id for value in sample.objects})] += 1
        return Frequencies({name: int(count) for name, count in zip(classes, counts, strict=True)}, borders)

    def group_of(self, name: str) -> str:
        """The group of a class."""
        return GROUPS[int(np.searchsorted(self.borders, self.images[name], side="left"))]

    @property
    def groups(self) -> dict[str, list[str]]:
        """Class names by non-empty group; empty if all classes are in one group, where groups add no information."""
        found = {group: [name for name in self.images if self.group_of(name) == group] for group in GROUPS}
        filled = {group: names for group, names in found.items() if names}
        return filled if len(filled) > 1 else {}

    def as_dict(self, ap: Mapping[str, float | None]) -> dict[str, Any]:
        """Per group its AP and its classes, as plain values.

        Args:
            ap: AP of each class; None without objects.
        """
        found: dict[str, Any] = {"most_training_images": dict(zip(GROUPS, self.borders, strict=False))}
        for group, names in self.groups.items():
            known = [value for name in names if (value := ap[name]) is not None]
            found[group] = {"AP": float(np.mean(known)) if known else None, "classes": names}
        return found
