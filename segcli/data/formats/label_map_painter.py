"""Paints objects into label maps, and measures how much of each stays visible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcli.data.formats.annotated import AnnotatedObject, ShapeGroup
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.formats.object_painter import ImageCrops
from segcli.data.rle import Crop


@dataclass(frozen=True)
class _Layer:
    """One painting step: a shape, or all pixels of an object."""

    number: int
    value: int
    what: Shape | Crop


def paint_labels(
    objects: Sequence[AnnotatedObject], values: Sequence[int], crops: ImageCrops, fill: int = 0
) -> NDArray[np.uint8]:
    """Paints a label map, uint8 [H, W]: shapes in file order, later ones over earlier ones.

    Args:
        objects: The objects to paint.
        values: Pixel value of each object.
        crops: The pixels of objects, in the size of the image.
        fill: Value of the pixels that no object covers.
    """
    layers = [
        layer
        for number, (found, value) in enumerate(zip(objects, values, strict=True))
        for layer in _layers(number, found, value, crops)
    ]
    layers.sort(key=lambda layer: layer.number)
    if not any(isinstance(layer.what, Shape) for layer in layers):
        return _pasted(layers, crops.size, fill)
    brush = crops.painter.brush
    canvas = LabelCanvas(*crops.size, line_width=brush.line_width, point_size=brush.point_size, fill=fill)
    for layer in layers:
        if isinstance(layer.what, Shape):
            canvas.paint(layer.what, layer.value)
        else:
            canvas.paste(layer.what, layer.value)
    return canvas.labels()


def _pasted(layers: Sequence[_Layer], size: tuple[int, int], fill: int) -> NDArray[np.uint8]:
    """The label map of crops alone, without a canvas to draw on."""
    labels = np.full(size, fill, np.uint8)
    for layer in layers:
        assert not isinstance(layer.what, Shape)
        pixels, left, top = layer.what
        rows, columns = pixels.shape
        np.copyto(labels[top : top + rows, left : left + columns], np.uint8(layer.value), where=pixels > 0)
    return labels


def are_apart(crops: Iterable[Crop | None], labels: NDArray[np.uint8], fill: int = 0) -> bool:
    """Whether the objects of a label map surely cover nothing of each other: together they have as many pixels as it.

    Told in a fifth of the time of measuring what is seen of each.
    """
    painted = sum(int(np.count_nonzero(crop[0])) for crop in crops if crop is not None)
    return bool(painted == np.count_nonzero(labels != fill))


def seen_share(crop: Crop, labels: NDArray[np.uint8], value: int) -> float:
    """Fraction of an object's pixels that have its value in a label map, 0 to 1."""
    seen, pixels = seen_pixels(crop, labels, value)
    return seen / pixels


def seen_pixels(crop: Crop, labels: NDArray[np.uint8], value: int) -> tuple[int, int]:
    """How many pixels of an object have its value in a label map, and how many it has."""
    pixels, left, top = crop
    rows, columns = pixels.shape
    inside = pixels > 0
    held = labels[top : top + rows, left : left + columns] == value
    return int(np.count_nonzero(held & inside)), int(np.count_nonzero(inside))


def _layers(number: int, found: AnnotatedObject, value: int, crops: ImageCrops) -> list[_Layer]:
    """Shapes one by one in file order; a group with holes in one step, at the position of its last shape."""
    if isinstance(found.outline, ShapeGroup):
        shapes = found.outline.shapes
        if len(shapes) == 1 or not crops.painter.has_holes(found.outline, *crops.size):
            return [_Layer(shape.number, value, shape) for shape in shapes]
        number = shapes[-1].number
    crop = crops.of(found)
    return [] if crop is None else [_Layer(number, value, crop)]
