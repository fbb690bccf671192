"""Converts LabelMe shapes to COCO objects; outlines are kept as drawn wherever polygons can describe them.

An object is one shape, or all shapes with the same label and `group_id`. Box and area are those of the painted pixels,
as in PaddleX's converter.

| parts | segmentation |
| --- | --- |
| polygons, rectangles, circles | their outlines |
| some inside others of the group | run-length code; a shape inside another is a hole, a shape inside a hole is filled |
| including lines, points or masks | run-length code of the painted pixels |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from segcli.data import rle
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.rle import Crop, Rle

CIRCLE_TOLERANCE_PX = 0.1
"""Largest distance in pixels between a circle and the polygon that approximates it."""

_FILLED = frozenset({"polygon", "rectangle", "circle", "mask"})


@dataclass(frozen=True)
class PaintedObject:
    """One object of an image.

    Attributes:
        label: Class name.
        segmentation: Polygons x1, y1, x2, y2, ..., or a run-length code.
        box: Left, top, width and height of its pixels, in pixels.
        area_px: Number of its pixels.
    """

    label: str
    segmentation: list[list[float]] | Rle
    box: tuple[int, int, int, int]
    area_px: int


class ShapePainter:
    """Turns shapes into objects.

    Args:
        line_width: Width in pixels of `line` and `linestrip` shapes.
        point_size: Radius in pixels of `point` shapes.
    """

    def __init__(self, line_width: int, point_size: int) -> None:
        self._line_width = line_width
        self._point_size = point_size
        self._size: tuple[int, int] | None = None
        self._canvas: LabelCanvas

    def draw(self, parts: Sequence[Shape], height: int, width: int) -> PaintedObject | None:
        """Combines shapes of one label into an object; None when none of its pixels is inside the image."""
        if len(parts) == 1 and has_outline(parts[0]):  # the usual object, whose pixels are not needed
            measured = self._canvas_of(parts[0], height, width).measure(parts[0])
            return None if measured is None else PaintedObject(parts[0].label, [outline(parts[0])], *measured)
        painted = self._painted(parts, height, width)
        if not painted:
            return None
        shapes = [shape for shape, _ in painted]
        (pixels, left, top), holes = _joined(shapes, [crop for _, crop in painted])
        segmentation: list[list[float]] | Rle
        if not holes and all(map(has_outline, shapes)):
            segmentation = [outline(shape) for shape in shapes]
        else:
            segmentation = rle.encode_crop(pixels, left, top, height, width)
        rows, columns = pixels.shape
        return PaintedObject(parts[0].label, segmentation, (left, top, columns, rows), int(np.count_nonzero(pixels)))

    def crop(self, parts: Sequence[Shape], height: int, width: int) -> Crop | None:
        """Returns the pixels of such an object; None when there are none."""
        painted = self._painted(parts, height, width)
        return _joined([shape for shape, _ in painted], [crop for _, crop in painted])[0] if painted else None

    def has_holes(self, parts: Sequence[Shape], height: int, width: int) -> bool:
        """Whether one of the shapes lies inside another."""
        painted = self._painted(parts, height, width)
        return bool(painted) and _joined([shape for shape, _ in painted], [crop for _, crop in painted])[1]

    def _painted(self, parts: Sequence[Shape], height: int, width: int) -> list[tuple[Shape, Crop]]:
        return [(shape, crop) for shape in parts if (crop := self._paint(shape, height, width)) is not None]

    def _paint(self, shape: Shape, height: int, width: int) -> Crop | None:
        return self._canvas_of(shape, height, width).take(shape)

    def _canvas_of(self, shape: Shape, height: int, width: int) -> LabelCanvas:
        """The canvas with this shape alone."""
        if self._size != (height, width):
            # reused for images of the same size: creating it takes longer than painting on it
            self._canvas = LabelCanvas(height, width, line_width=self._line_width, point_size=self._point_size)
            self._size = (height, width)
        self._canvas.paint(shape, 1)
        return self._canvas


def group(shapes: Iterable[Shape]) -> list[list[Shape]]:
    """Groups shapes into objects, in order of first appearance."""
    objects: dict[tuple[object, ...], list[Shape]] = {}
    for shape in shapes:
        alone = shape.group_id is None
        objects.setdefault((shape.number,) if alone else (shape.label, shape.group_id), []).append(shape)
    return list(objects.values())


def outline(shape: Shape) -> list[float]:
    """The polygon of a polygon, rectangle or circle shape: x1, y1, x2, y2, ... in pixels."""
    if shape.kind == "polygon":
        return list(chain.from_iterable(shape.points))
    (x0, y0), (x1, y1) = shape.points[:2]
    if shape.kind == "rectangle":
        left, top, right, bottom = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        return [left, top, right, top, right, bottom, left, bottom]
    radius = math.hypot(x1 - x0, y1 - y0)
    corners = max(12, math.ceil(math.pi / math.acos(1 - CIRCLE_TOLERANCE_PX / radius)))
    angles = [2 * math.pi * corner / corners for corner in range(corners)]
    return [value for angle in angles for value in (x0 + radius * math.cos(angle), y0 + radius * math.sin(angle))]


def has_outline(shape: Shape) -> bool:
    """Whether a polygon can describe the shape; not so for a circle of a single pixel."""
    if shape.kind == "circle":
        return math.dist(*shape.points[:2]) >= 1
    return shape.kind in ("polygon", "rectangle")


def _joined(shapes: list[Shape], crops: list[Crop]) -> tuple[Crop, bool]:
    """The pixels of all shapes without holes, and whether there are holes."""
    if len(crops) == 1:
        return crops[0], False
    left, top = min(x for _, x, _ in crops), min(y for _, _, y in crops)
    right = max(x + pixels.shape[1] for pixels, x, _ in crops)
    bottom = max(y + pixels.shape[0] for pixels, _, y in crops)
    whole = np.zeros((bottom - top, right - left), bool)
    depths = _depths(shapes, crops)
    for index in np.argsort(depths, kind="stable"):
        pixels, x, y = crops[index]
        held = whole[y - top : y - top + pixels.shape[0], x - left : x - left + pixels.shape[1]]
        held[pixels > 0] = depths[index] % 2 == 0
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    tight = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return (tight.astype(np.uint8), left + int(columns[0]), top + int(rows[0])), any(depth % 2 for depth in depths)


def _depths(shapes: list[Shape], crops: list[Crop]) -> list[int]:
    """How many other shapes enclose each shape; lines and points enclose nothing and are not enclosed.

    Pixels are compared only where one rectangle lies inside the other, so a group of a thousand shapes costs little.
    """
    filled = np.array([shape.kind in _FILLED for shape in shapes])
    area = np.array([np.count_nonzero(pixels) for pixels, _, _ in crops])
    begin = np.array([(x, y) for _, x, y in crops])
    end = begin + np.array([pixels.shape[::-1] for pixels, _, _ in crops])
    depths = []
    for index, (pixels, x, y) in enumerate(crops):
        around = filled & (area > area[index]) & (begin <= begin[index]).all(axis=1) & (end >= end[index]).all(axis=1)
        depth = 0
        for other in np.flatnonzero(around) if filled[index] else ():
            outer, outer_x, outer_y = crops[other]
            there = outer[y - outer_y :, x - outer_x :][: pixels.shape[0], : pixels.shape[1]]
            depth += not ((pixels > 0) & (there == 0)).any()
        depths.append(depth)
    return depths
