"""Rules on how the shapes of a LabelMe dataset are used as a whole: groups, lines and points that mean outlines."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from segcli.data.boxes import BoxXyxy
from segcli.data.class_files import is_ignored_name
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeDataset
from segcli.data.formats.labelme_images import bounds_of
from segcli.data.formats.labelme_objects import group
from segcli.data.polygons import ring_area
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding

FEWEST_SHAPES = 6
FEWEST_FILES = 3
_MEETS_PX = 3.0
_SMALLEST_PX = 50.0
_LEAST_POINTS = 4
_DIGIT = re.compile(r"\d")
_SINGLE_SHARE = 0.75
_MOST_PARTS = 3
_PARTS_APART = 0.25
"""Distance to the nearest other shape, in multiples of the longer side: the parts of an object are no further apart."""

Files = Sequence[Sequence[Shape]]


def shape_findings(dataset: LabelMeDataset) -> Iterator[Finding]:
    """Findings on the shapes of all files together."""
    files = [sample.annotation.shapes for sample in dataset.samples]
    root = str(dataset.root)
    yield from _one_group(files, root)
    yield from _closed_lines(files, root)
    yield from _points_only(files, root)
    yield from _labels_of_single_files(files, root)
    yield from _ignored_labels(dataset)


def _one_group(files: Files, root: str) -> Iterator[Finding]:
    """Every shape has the same group id, so that all shapes of a label in a file become one object."""
    ids = {shape.group_id for shape in chain.from_iterable(files)}
    if len(ids) != 1 or None in ids:
        return
    together = [Counter(shape.label for shape in shapes) for shapes in files]
    joined = [shapes for shapes, labels in zip(files, together, strict=True) if max(labels.values(), default=0) > 1]
    if len(joined) >= FEWEST_FILES and 2 * sum(map(_are_objects, joined)) > len(joined):
        shapes, objects = sum(labels.total() for labels in together), sum(map(len, together))
        message = f"all {shapes} shapes have group_id {ids.pop()!r}: those of one label in a file are one object"
        yield finding("L114", root, f"{message}, {objects} in all")


def _are_objects(shapes: Sequence[Shape]) -> bool:
    """Whether shapes of one label are more, or lie further from all others, than the parts of one object."""
    by_label: dict[str, list[BoxXyxy]] = defaultdict(list)
    for shape in shapes:
        by_label[shape.label].append(bounds_of(shape))
    return any(
        len(boxes) > _MOST_PARTS or _gap(box, boxes) > _PARTS_APART * max(box[2] - box[0], box[3] - box[1])
        for boxes in by_label.values()
        for box in boxes
    )


def _gap(box: BoxXyxy, boxes: Sequence[BoxXyxy]) -> float:
    """Distance in pixels from a box to the nearest other one; 0 where there is no other."""
    gaps = [
        max(other[0] - box[2], box[0] - other[2], other[1] - box[3], box[1] - other[3], 0.0)
        for other in boxes
        if other is not box
    ]
    return min(gaps, default=0.0)


def _closed_lines(files: Files, root: str) -> Iterator[Finding]:
    """Most lines end where they begin: outlines drawn with the wrong tool."""
    lines = [shape for shape in chain.from_iterable(files) if shape.kind == "linestrip"]
    closed = [shape for shape in lines if _is_closed(shape)]
    if len(closed) >= FEWEST_SHAPES and 2 * len(closed) > len(lines):
        message = f"{len(closed)} of {counted(len(lines), 'line')} end where they begin, and are painted as lines"
        yield finding("L115", root, f"{message}, without what they surround")


def _is_closed(shape: Shape) -> bool:
    if len(shape.points) < _LEAST_POINTS or math.dist(shape.points[0], shape.points[-1]) > _MEETS_PX:
        return False
    return abs(ring_area(list(chain.from_iterable(shape.points)))) >= _SMALLEST_PX


def _points_only(files: Files, root: str) -> Iterator[Finding]:
    kinds = Counter(shape.kind for shape in chain.from_iterable(files))
    if set(kinds) == {"point"} and kinds.total() >= FEWEST_SHAPES:
        yield finding("L116", root, f"all {kinds.total()} shapes are points, which become discs of the same size")


def _labels_of_single_files(files: Files, root: str) -> Iterator[Finding]:
    """Most labels occur in one file only, once or with a number: they name objects or files instead of kinds."""
    used = Counter(label for shapes in files for label in {shape.label for shape in shapes})
    objects = Counter(label for shapes in files for label in _labels_of_objects(shapes))
    # a rare kind that one image shows several times is no name of an object
    single = [label for label, number in used.items() if number == 1 and (objects[label] == 1 or _DIGIT.search(label))]
    labelled = sum(bool(shapes) for shapes in files)
    if len(single) >= FEWEST_SHAPES and len(single) > _SINGLE_SHARE * len(used) and labelled >= FEWEST_SHAPES:
        message = f"{len(single)} of {len(used)} labels occur in one of {labelled} files only: {listed(single)}"
        yield finding("L307", root, message)


def _labels_of_objects(shapes: Sequence[Shape]) -> list[str]:
    return [parts[0].label for parts in group(shapes)]


def _ignored_labels(dataset: LabelMeDataset) -> Iterator[Finding]:
    """Labels whose name says that they must not be learnt; a single one is what the dataset is about."""
    seen: dict[str, str] = {}
    for sample in dataset.samples:
        for shape in sample.annotation.shapes:
            seen.setdefault(shape.label, sample.name)
    for label, name in seen.items():
        if is_ignored_name(label) and len(seen) > 1:
            yield finding("L306", name, f"{label!r} is learnt as a class like any other")
