"""Input and output of the rules on the objects of one image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segcli.data import rle
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.polygons import CORNERS_AT_ONCE, Sides, crossings_within, may_cross
from segcli.data.prefetch import batched_to
from segcli.data.rle import Rle
from segcli.data.same_outlines import Repeated, images_with_near_boxes, repeated_outlines

Crossings = tuple[dict[int, tuple[float, float]], frozenset[int]]
_NO_CROSSINGS: Crossings = ({}, frozenset())


@dataclass(frozen=True)
class ObjectsView:
    """The objects of one image, as input of the rules.

    Attributes:
        sample: The image and its objects, as the annotation file has them.
        areas_px: Area of each object in square pixels; for a run-length code its number of pixels.
        crossings: By index in `polygons`: x and y of a crossing of each that crosses itself, and those not fully
            tested.
        repeated: Objects that repeat the outline of an earlier one, by index in `sample.objects`.
    """

    sample: InstanceSample
    areas_px: tuple[float, ...]
    crossings: Crossings
    repeated: Sequence[Repeated]

    @staticmethod
    def of_each(samples: Iterable[InstanceSample]) -> Iterator[ObjectsView]:
        """The views of many images, in order; the objects of several are measured at once."""
        for batch in batched_to(samples, CORNERS_AT_ONCE, size=_corners):
            yield from _views(batch)

    @cached_property
    def polygons(self) -> tuple[tuple[int, tuple[float, ...]], ...]:
        """Every polygon of the image, with the index of its object in `sample.objects`."""
        return tuple(_polygons(self.sample))

    @cached_property
    def crossed(self) -> frozenset[int]:
        """Indices of the objects with a polygon that crosses itself."""
        return frozenset(self.polygons[number][0] for number in self.crossings[0])


ObjectFault = tuple[str, InstanceObject, str]
"""Id of a rule, the object, and the message."""
ObjectRule = Callable[[ObjectsView], Iterator[ObjectFault]]
"""Yields the faults of the objects of one image; it runs in several threads at once."""


def _polygons(sample: InstanceSample) -> Iterator[tuple[int, tuple[float, ...]]]:
    for index, value in enumerate(sample.objects):
        if isinstance(value.segmentation, tuple):
            for polygon in value.segmentation:
                yield index, polygon


def _corners(sample: InstanceSample) -> int:
    return sum(len(polygon) // 2 for _, polygon in _polygons(sample))


def _views(samples: Sequence[InstanceSample]) -> Iterator[ObjectsView]:
    counts = [len(sample.objects) for sample in samples]
    image, first = np.repeat(np.arange(len(samples)), counts), np.cumsum([0, *counts])
    outlines = [value.segmentation for sample in samples for value in sample.objects]
    polygons, owners, codes = list[tuple[float, ...]](), list[int](), dict[int, Rle]()
    for index, outline in enumerate(outlines):
        if isinstance(outline, tuple):
            polygons += outline
            owners += [index] * len(outline)
        else:
            codes[index] = outline
    sides, owner = Sides.of(polygons), np.array(owners, np.intp)
    areas, boxes = np.bincount(owner, sides.areas(), minlength=len(image)), sides.boxes(owner, len(image))
    for index, code in codes.items():
        areas[index], boxes[index] = rle.area(code), rle.bounding_box(code)
    crossing, near = set(image[owner[may_cross(sides)]].tolist()), images_with_near_boxes(boxes, image)
    for number, (sample, begin, end) in enumerate(zip(samples, first[:-1], first[1:], strict=True)):
        crossings, repeated = _NO_CROSSINGS, list[Repeated]()
        if number in crossing:
            crossings = crossings_within(Sides.of([polygon for _, polygon in _polygons(sample)]))
        if number in near:
            repeated = repeated_outlines(outlines[begin:end], sample.height, sample.width, boxes[begin:end])
        yield ObjectsView(sample, tuple(areas[begin:end].tolist()), crossings, repeated)
