"""Rules on the outlines of LabelMe files: polygons that cross themselves, and shapes drawn twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from segcli.data.formats.annotated import NO_CLASSES, AnnotatedDataset, AnnotatedImage, ShapeGroup
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_objects import has_outline, outline
from segcli.data.polygons import Sides, self_crossings
from segcli.data.same_outlines import Repeated, repeated_outlines
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

Size = tuple[int, int]
"""Height and width in pixels."""


def outline_findings(dataset: AnnotatedDataset) -> Iterator[Finding]:
    """Findings on the outlines of all files of a LabelMe dataset."""
    for image in dataset.images:
        shapes = shapes_of(image)
        for shape, (x, y) in crossed(shapes):
            yield finding("L113", image.name, f"its sides cross at x {x:.1f}, y {y:.1f}", location=_place(shape))
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
    outlined: Sequence[Shape] = [shape for shape in shapes if has_outline(shape) and shape.label not in NO_CLASSES]
    for one in repeated_outlines([(tuple(outline(shape)),) for shape in outlined], *size):
        yield outlined[one.index], outlined[one.original], one


def _place(shape: Shape) -> str:
    return f"shape {shape.number} ({shape.label})"
