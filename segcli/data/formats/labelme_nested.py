"""Rules on LabelMe shapes around the whole image, and on shapes called hole inside of others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.boxes import BoxXyxy
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_images import MeasuredSample
from segcli.data.polygons import ring_area
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

FEWEST_FILES = 6
WHOLE = 0.98
"""Share of width and of height that a shape around the whole image covers."""
_MOST_INSIDE = 0.9
_HOLE = re.compile(r"(?:inner|inside)?[\s_-]*(?:holes?|cut[\s_-]?outs?)[\s_-]*\d*|孔|洞|孔洞|空洞", re.IGNORECASE)


def nested_findings(measured: Sequence[MeasuredSample], root: str) -> Iterator[Finding]:
    """Findings on the shapes of all files together."""
    yield from _frames(measured, root)
    yield from _holes(measured, root)


def holes_in(shapes: Sequence[Shape]) -> list[tuple[Shape, Shape]]:
    """The shapes of a file that are called hole, each with the smallest other shape that it lies in."""
    holes = [shape for shape in shapes if _HOLE.fullmatch(shape.label)]
    outer = [shape for shape in shapes if not _HOLE.fullmatch(shape.label) and _ring(shape) is not None]
    if not holes or not outer:
        return []
    outer.sort(key=_area)
    contours = [np.reshape(np.asarray(_ring(shape), np.float32), (-1, 2)) for shape in outer]
    areas = np.array(list(map(_area, outer)))
    lowest, highest = (np.array([side(contour, axis=0) for contour in contours]) for side in (np.min, np.max))
    found = []
    for hole in holes:
        points = np.asarray(hole.points, np.float64)
        near = ((lowest <= points.max(axis=0)) & (highest >= points.min(axis=0))).all(axis=1) & (areas > _area(hole))
        around = next((outer[n] for n in np.flatnonzero(near) if _lies_in(points, contours[n])), None)
        if around is not None:
            found.append((hole, around))
    return found


def _frames(measured: Sequence[MeasuredSample], root: str) -> Iterator[Finding]:
    """A label that has a shape around the whole image beside others in most files."""
    labelled = [sample for sample in measured if len(sample.bounds) > 1]
    around = Counter(label for sample in labelled for label in _labels_around(sample))
    for label, files in around.items():
        if files >= FEWEST_FILES and 2 * files > len(labelled):
            message = f"{label!r} has a shape around the whole image in {files} of {counted(len(labelled), 'file')}"
            yield finding("L308", root, message)


def _labels_around(sample: MeasuredSample) -> set[str]:
    height, width = sample.size
    return {
        shape.label
        for shape, box in zip(sample.sample.annotation.shapes, sample.bounds, strict=True)
        if box[2] - box[0] >= WHOLE * (width - 1)
        and box[3] - box[1] >= WHOLE * (height - 1)
        # an object that the image was cropped to leaves corners free
        and (shape.kind == "rectangle" or _area(shape) >= WHOLE**2 * (width - 1) * (height - 1))
    }


def _holes(measured: Sequence[MeasuredSample], root: str) -> Iterator[Finding]:
    """Shapes called hole of which nearly all lie inside of another shape."""
    files = [sample.sample.annotation.shapes for sample in measured]
    called = [shape for shapes in files for shape in shapes if _HOLE.fullmatch(shape.label)]
    inside = sum(len(holes_in(shapes)) for shapes in files) if called else 0
    if called and inside >= _MOST_INSIDE * len(called):
        message = (
            f"{inside} of {counted(len(called), 'shape')} called {called[0].label!r} lie inside of others, "
            "and become a class of their own"
        )
        yield finding("L309", root, message)


def _ring(shape: Shape) -> list[float] | None:
    if shape.kind == "polygon":
        return [value for point in shape.points for value in point]
    if shape.kind == "rectangle":
        left, top, right, bottom = _box(shape)
        return [left, top, right, top, right, bottom, left, bottom]
    return None


def _box(shape: Shape) -> BoxXyxy:
    xs, ys = zip(*shape.points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _area(shape: Shape) -> float:
    ring = _ring(shape)
    return abs(ring_area(ring)) if ring is not None else 0.0


def _lies_in(points: NDArray[np.float64], contour: NDArray[np.float32]) -> bool:
    """Whether nearly all points [n, 2] lie in a contour [m, 2]."""
    inside = [cv2.pointPolygonTest(contour, (x, y), False) >= 0 for x, y in points.tolist()]
    return sum(inside) >= _MOST_INSIDE * len(inside)
