"""Converts outlines of every kind to polygons, run-length codes and pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.boxes import BoxLtwh
from segcli.data.contours import mask_outlines
from segcli.data.formats.annotated import AnnotatedObject, ShapeGroup
from segcli.data.formats.format import Brush
from segcli.data.formats.labelme_objects import ShapePainter
from segcli.data.polygons import polygons_area, polygons_box
from segcli.data.rle import Crop, Rle

Rings = Sequence[Sequence[float]]
"""Polygons, each x1, y1, x2, y2, ... in pixels."""


@dataclass(frozen=True)
class Segmented:
    """An object in COCO form: polygons or a run-length code, box in pixels, and area in square pixels."""

    segmentation: Rings | Rle
    box: BoxLtwh
    area_px: float


class ObjectPainter:
    """Converts outlines of every kind to what a format can write.

    Args:
        brush: How lines and points are painted.
    """

    def __init__(self, brush: Brush) -> None:
        self.brush = brush
        self._shapes = ShapePainter(brush.line_width, brush.point_size)

    def segment(self, value: AnnotatedObject, height: int, width: int) -> Segmented | None:
        """Polygons where they can describe the outline, else a run-length code; None when it is outside the image."""
        outline = value.outline
        if isinstance(outline, ShapeGroup):
            drawn = self._shapes.draw(outline.shapes, height, width)
            return None if drawn is None else Segmented(drawn.segmentation, drawn.box, drawn.area_px)
        if isinstance(outline, tuple):
            box, area = value.box or polygons_box(outline), value.area_px or polygons_area(outline)
            return Segmented(outline, box, area)
        area = rle.area(outline)
        return Segmented(outline, value.box or rle.bounding_box(outline), value.area_px or area) if area else None

    def crop(self, value: AnnotatedObject, height: int, width: int) -> Crop | None:
        """Returns the pixels of an object in the smallest rectangle around them; None when there are none."""
        outline = value.outline
        if isinstance(outline, ShapeGroup):
            return self._shapes.crop(outline.shapes, height, width)
        return rle.decode_crop(rle.from_polygons(outline, height, width) if isinstance(outline, tuple) else outline)

    def has_holes(self, drawn: ShapeGroup, height: int, width: int) -> bool:
        """Whether one shape of a group lies inside another."""
        return self._shapes.has_holes(drawn.shapes, height, width)

    def code(self, value: AnnotatedObject, height: int, width: int) -> Rle:
        """Returns the pixels of an object as a run-length code of the whole image."""
        outline = value.outline
        if isinstance(outline, ShapeGroup):
            crop = self._shapes.crop(outline.shapes, height, width)
            return rle.empty(height, width) if crop is None else rle.encode_crop(*crop, height, width)
        return rle.from_polygons(outline, height, width) if isinstance(outline, tuple) else outline


class ImageCrops:
    """The pixels of the objects of one image; each object is painted once.

    Args:
        painter: How outlines become pixels.
        size: Height and width of the image in pixels.
        values: Objects that will be asked for; single polygons among them are filled together, which is faster.
    """

    def __init__(self, painter: ObjectPainter, size: tuple[int, int], values: Iterable[AnnotatedObject] = ()) -> None:
        self.painter = painter
        self.size = size
        single = {
            id(value): (value, value.outline[0])
            for value in values
            if isinstance(value.outline, tuple) and len(value.outline) == 1
        }
        codes = rle.filled([ring for _, ring in single.values()], *size)
        # the object is kept, so that its id stays its own
        self._of: dict[int, tuple[AnnotatedObject, Crop | None]] = {
            key: (value, rle.decode_crop(code)) for (key, (value, _)), code in zip(single.items(), codes, strict=True)
        }

    def of(self, value: AnnotatedObject) -> Crop | None:
        """As `ObjectPainter.crop`."""
        if id(value) not in self._of:
            self._of[id(value)] = value, self.painter.crop(value, *self.size)
        return self._of[id(value)][1]


def crop_rings(crop: Crop) -> list[list[NDArray[np.int64]]]:
    """Traces the connected parts of a crop along pixel edges: per part the outer border, then holes, each [n, 2]."""
    pixels, left, top = crop
    return [[outline.outer, *outline.holes] for outline in mask_outlines(pixels, left, top)]


def iou(one: Rle, other: Rle) -> float:
    """Intersection over union of two masks of the same size; 1 when both are empty."""
    union = rle.area(rle.union([one, other]))
    return (rle.area(one) + rle.area(other) - union) / union if union else 1.0
