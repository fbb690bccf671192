"""Rules on the outlines of LabelMe files: polygons that cross themselves, and shapes drawn twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from segcli.data.classes import NO_CLASSES
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, ShapeGroup
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_images import bounds_of
from segcli.data.formats.labelme_objects import has_outline, outline
from segcli.data.polygons import CORNERS_AT_ONCE, Sides, self_crossings
from segcli.data.prefetch import batched_to
from segcli.data.same_outlines import Repeated, images_with_near_boxes, repeated_outlines
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

Size = tuple[int, int]
"""Height and width in pixels."""


def outline_findings(dataset: AnnotatedDataset) -> Iterator[Finding]:
    """Findings on the outlines of all files of a LabelMe dataset."""
    with_shapes = ((image, shapes_of(image)) for image in dataset.images)
    for batch in batched_to(with_shapes, CORNERS_AT_ONCE, size=_corners):
        places = _crossings(shapes for _, shapes in batch)
        suspects = _with_near_boxes([shapes for _, shapes in batch])
        for index, (image, shapes) in enumerate(batch):
            for shape in shapes:
                if id(shape) in places:
                    x, y = places[id(shape)]
                    message = f"its sides cross at x {x:.1f}, y {y:.1f}"
                    yield finding("L113", image.name, message, location=_place(shape))
            if index in suspects:
                yield from _copies(image, shapes)


def _corners(image: tuple[AnnotatedImage, list[Shape]]) -> int:
    return sum(len(shape.points) for shape in image[1])


def _crossings(images: Iterable[Sequence[Shape]]) -> dict[int, tuple[float, float]]:
    """Where polygons cross themselves, by the identity of the shape."""
    return {id(shape): place for shape, place in crossed(chain.from_iterable(images))}


def _with_near_boxes(images: Sequence[Sequence[Shape]]) -> set[int]:
    """Indices of the images in which a shape may repeat another."""
    outlined = [(index, bounds_of(shape)) for index, shapes in enumerate(images) for shape in _objects(shapes)]
    edges = np.array([bounds for _, bounds in outlined], np.float64).reshape(-1, 4)
    boxes = np.concatenate([edges[:, :2], edges[:, 2:] - edges[:, :2]], axis=1)
    return images_with_near_boxes(boxes, np.array([index for index, _ in outlined], np.intp))


def _copies(image: AnnotatedImage, shapes: Sequence[Shape]) -> Iterator[Finding]:
    """One finding per shape that others of the image repeat."""
    copies: dict[int, list[tuple[Shape, Shape, Repeated]]] = {}
    for found in drawn_twice(shapes, image.size):
        copies.setdefault(found[1].number, []).append(found)
    for own in copies.values():
        yield finding("L112", image.name, _repeats(own), location=_place(own[0][0]))


def _repeats(copies: Sequence[tuple[Shape, Shape, Repeated]]) -> str:
    """The message on all copies of one shape."""
    least, original = min(one.iou for _, _, one in copies), copies[0][1]
    detail = "" if least == 1 else f" (IoU {least:.2f})"
    if any(shape.label != original.label for shape, _, _ in copies):
        detail += ", with another label"
    message = f"has {'the same' if least == 1 else 'nearly the same'} outline as {_place(original)}{detail}"
    more = len(copies) - 1
    return f"and {counted(more, 'more shape')}: each {message}" if more else message


def shapes_of(image: AnnotatedImage) -> list[Shape]:
    """The valid shapes of a LabelMe file, in file order."""
    groups = [value.outline for value in image.read_objects()]
    shapes = [shape for group in groups if isinstance(group, ShapeGroup) for shape in group.shapes]
    return sorted(shapes, key=lambda shape: shape.number)


def crossed(shapes: Iterable[Shape]) -> Iterator[tuple[Shape, tuple[float, float]]]:
    """The polygons that cross themselves, and where: x, y in pixels."""
    polygons = [shape for shape in shapes if shape.kind == "polygon"]
    places = self_crossings(Sides.of([outline(shape) for shape in polygons])) if polygons else {}
    for index, place in sorted(places.items()):
        yield polygons[index], place


def drawn_twice(shapes: Iterable[Shape], size: Size) -> Iterator[tuple[Shape, Shape, Repeated]]:
    """The shapes that repeat an earlier one, with that one; ignored regions and background are no objects."""
    outlined = _objects(shapes)
    for one in repeated_outlines([(tuple(outline(shape)),) for shape in outlined], *size):
        yield outlined[one.index], outlined[one.original], one


def _objects(shapes: Iterable[Shape]) -> list[Shape]:
    return [shape for shape in shapes if has_outline(shape) and shape.label not in NO_CLASSES]


def _place(shape: Shape) -> str:
    return f"shape {shape.number} ({shape.label})"
