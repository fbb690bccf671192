"""Paints objects into label maps, and measures how much of each stays visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcli.data.formats.annotated import AnnotatedObject, ShapeGroup
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.formats.object_painter import ObjectPainter
from segcli.data.rle import Crop


@dataclass(frozen=True)
class _Layer:
    """One painting step: a shape, or all pixels of an object."""

    number: int
    value: int
    what: Shape | Crop


def paint_labels(
    objects: Sequence[AnnotatedObject],
    values: Sequence[int],
    size: tuple[int, int],
    painter: ObjectPainter,
    fill: int = 0,
) -> NDArray[np.uint8]:
    """Paints a label map, uint8 [H, W]: shapes in file order, later ones over earlier ones.

    Args:
        objects: The objects to paint.
        values: Pixel value of each object.
        size: Height and width in pixels.
        painter: How outlines become pixels.
        fill: Value of the pixels that no object covers.
    """
    canvas = LabelCanvas(*size, line_width=painter.brush.line_width, point_size=painter.brush.point_size, fill=fill)
    layers = [
        layer
        for number, (found, value) in enumerate(zip(objects, values, strict=True))
        for layer in _layers(number, found, value, size, painter)
    ]
    for layer in sorted(layers, key=lambda layer: layer.number):
        if isinstance(layer.what, Shape):
            canvas.paint(layer.what, layer.value)
        else:
            canvas.paste(layer.what, layer.value)
    return canvas.labels()


def seen_share(crop: Crop, labels: NDArray[np.uint8], value: int) -> float:
    """Fraction of an object's pixels that have its value in a label map, 0 to 1."""
    pixels, left, top = crop
    rows, columns = pixels.shape
    inside = pixels > 0
    held = labels[top : top + rows, left : left + columns] == value
    return float((held & inside).sum() / inside.sum())


def _layers(
    number: int, found: AnnotatedObject, value: int, size: tuple[int, int], painter: ObjectPainter
) -> list[_Layer]:
    """Shapes one by one in file order; a group with holes in one step, at the position of its last shape."""
    if isinstance(found.outline, ShapeGroup):
        shapes = found.outline.shapes
        if len(shapes) == 1 or not painter.has_holes(found.outline, *size):
            return [_Layer(shape.number, value, shape) for shape in shapes]
        number = shapes[-1].number
    crop = painter.crop(found, *size)
    return [] if crop is None else [_Layer(number, value, crop)]
