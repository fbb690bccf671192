"""Outlines and boxes that extend beyond the image: clipped to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import outline_area, outline_box, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size

Point = tuple[float, float]


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Clips polygons, and computes box and area of the result."""
    edit_objects(draft, rule, _edit, "outline and bbox of {} clipped to the image")


def _edit(entry: dict[str, Any], size: Size) -> bool:
    parsed = parse_object(entry, 0, *size)
    if parsed.value is None or not any(code == "C121" for code, _ in parsed.faults):
        return False
    outline = parsed.value.segmentation
    if isinstance(outline, tuple):
        rings = tuple(ring for ring in (clipped(ring, size) for ring in outline) if len(ring) >= 6)
        if not rings:
            return False
        if rings != outline:
            entry["segmentation"] = [[round(value, 4) for value in ring] for ring in rings]
            entry["area"] = round(outline_area(rings), 4)
        outline = rings
    entry["bbox"] = [round(side, 4) for side in outline_box(outline)]
    return True


def clipped(ring: Sequence[float], size: Size) -> tuple[float, ...]:
    """The part of a polygon x1, y1, x2, y2, ... inside an image of (width, height) (Sutherland and Hodgman, 1974)."""
    width, height = size
    if min(ring) >= 0 and max(ring[0::2]) <= width and max(ring[1::2]) <= height:
        return tuple(ring)
    points: list[Point] = list(zip(ring[0::2], ring[1::2], strict=True))
    for axis, limit, sign in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        points = _cut(points, axis, limit, sign)
    return tuple(value for point in points for value in point)


def _cut(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    """The part of a polygon on one side of a line along an axis: above `limit` for sign 1, below it for -1."""

    def inside(point: Point) -> float:
        return sign * (point[axis] - limit)

    kept: list[Point] = []
    for index, point in enumerate(points):
        before, here = points[index - 1], inside(point)
        there = inside(before)
        if there * here < 0:
            share = there / (there - here)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if here >= 0:
            kept.append(point)
    return kept
