"""Input and output of the rules on the objects of one image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segcli.data import rle
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.polygons import Sides, crossings_within
from segcli.data.same_outlines import Repeated, repeated_outlines


@dataclass(frozen=True)
class ObjectsView:
    """The objects of one image, as input of the rules; values that several rules need are computed once.

    Attributes:
        sample: The image and its objects, as the annotation file has them.
    """

    sample: InstanceSample

    @cached_property
    def polygons(self) -> tuple[tuple[int, tuple[float, ...]], ...]:
        """Every polygon of the image, with the index of its object in `sample.objects`."""
        return tuple(
            (index, polygon)
            for index, value in enumerate(self.sample.objects)
            if isinstance(value.segmentation, tuple)
            for polygon in value.segmentation
        )

    @cached_property
    def sides(self) -> Sides:
        """The sides of all `polygons`."""
        return Sides.of([polygon for _, polygon in self.polygons])

    @cached_property
    def crossings(self) -> tuple[dict[int, tuple[float, float]], frozenset[int]]:
        """By index in `polygons`: x and y of a crossing of each that crosses itself, and those not fully tested."""
        return crossings_within(self.sides)

    @cached_property
    def crossed(self) -> frozenset[int]:
        """Indices of the objects with a polygon that crosses itself."""
        return frozenset(self.polygons[number][0] for number in self.crossings[0])

    @cached_property
    def repeated(self) -> list[Repeated]:
        """Objects that repeat the outline of an earlier one, by index in `sample.objects`."""
        outlines = [value.segmentation for value in self.sample.objects]
        return repeated_outlines(outlines, self.sample.height, self.sample.width)

    @cached_property
    def areas_px(self) -> tuple[float, ...]:
        """Area of each object in square pixels; for a run-length code its number of pixels."""
        owners = np.array([index for index, _ in self.polygons], np.intp)
        drawn = np.bincount(owners, self.sides.areas(), minlength=len(self.sample.objects))
        return tuple(
            area if isinstance(value.segmentation, tuple) else float(rle.area(value.segmentation))
            for value, area in zip(self.sample.objects, drawn.tolist(), strict=True)
        )


ObjectFault = tuple[str, InstanceObject, str]
"""Id of a rule, the object, and the message."""
ObjectRule = Callable[[ObjectsView], Iterator[ObjectFault]]
"""Yields the faults of the objects of one image; it runs in several threads at once."""
