"""Self-intersecting polygons: split at the crossings into polygons that cover the same pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segcli.data.bridges import Points, joined_ring
from segcli.data.formats.coco_objects import outline_area, outline_box, parse_object
from segcli.data.polygons import Sides, ring_area, self_crossings
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size
from segcli.steps.fix.yolo_lines import Values, edit_lines

MOST_CORNERS = 2000
SPECK_PX = 0.5
"""Area in square pixels below which a loop is a slip of the hand and is dropped."""

Ring = tuple[float, ...]


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Splits the polygons; box and area are computed from the result."""
    edit_objects(draft, rule, _edit, "polygons of {} split where they cross themselves")
    edit_lines(draft, rule, findings, _edit_line)


def _edit_line(values: Values, size: Size) -> tuple[Values, str] | str:
    """The polygon of a YOLO line, in shares of the image: its parts are joined, as a line holds one polygon."""
    if len(values) > 2 * MOST_CORNERS:
        return "it has too many corners: draw it again"
    sides = np.array(size, np.float64)
    ring = np.array(values, np.float64).reshape(-1, 2) * sides
    parts = [_clockwise(np.array(part).reshape(-1, 2)) for part in uncrossed(tuple(ring.ravel().tolist()))]
    return (joined_ring(parts) / sides).ravel().tolist(), "{} split where they cross themselves"


def _clockwise(ring: Points) -> Points:
    """The corners in one direction, so that the areas of joined parts add up."""
    xs, ys = ring.T
    return ring if np.dot(xs, np.roll(ys, -1)) >= np.dot(np.roll(xs, -1), ys) else ring[::-1]


def _edit(entry: dict[str, Any], size: Size) -> bool:
    parsed = parse_object(entry, 0, *size)
    if parsed.value is None or not isinstance(parsed.value.segmentation, tuple):
        return False
    rings = parsed.value.segmentation
    crossed = self_crossings(Sides.of(rings))
    crossed = {index: place for index, place in crossed.items() if len(rings[index]) <= 2 * MOST_CORNERS}
    if not crossed:
        return False
    parts = [part for index, ring in enumerate(rings) for part in (uncrossed(ring) if index in crossed else (ring,))]
    entry["segmentation"] = [[round(value, 4) for value in ring] for ring in parts]
    new = tuple(tuple(ring) for ring in entry["segmentation"])
    entry["area"], entry["bbox"] = round(outline_area(new), 4), [round(side, 4) for side in outline_box(new)]
    return True


def uncrossed(ring: Ring) -> tuple[Ring, ...]:
    """Polygons x1, y1, x2, y2, ... that do not cross themselves and cover what `ring` does; specks are left out.

    At each crossing the polygon is split into the loop between both passes and the rest.
    """
    waiting, done = [ring], []
    while waiting:
        one = waiting.pop()
        loops = _parted(one)
        if loops is None:
            done.append(one)
        else:
            waiting += [loop for loop in loops if len(loop) >= 6]
    kept = tuple(one for one in done if ring_area(one) >= SPECK_PX)
    return kept or (max(done, key=ring_area, default=ring),)


def _parted(ring: Ring) -> tuple[Ring, Ring] | None:
    """The two loops of a polygon that meet at its first self-intersection; None if there is none."""
    points = np.array(ring, np.float64).reshape(-1, 2)
    ways = np.roll(points, -1, axis=0) - points
    for index in range(len(points) - 2):
        last = len(points) - (index == 0)
        others = np.arange(index + 2, last)
        if not len(others):
            continue
        way, gap, other_ways = ways[index], points[others] - points[index], ways[others]
        across = way[0] * other_ways[:, 1] - way[1] * other_ways[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (gap[:, 0] * other_ways[:, 1] - gap[:, 1] * other_ways[:, 0]) / across
            along_other = (gap[:, 0] * way[1] - gap[:, 1] * way[0]) / across
        hits = np.flatnonzero((along > 1e-9) & (along < 1 - 1e-9) & (along_other > 1e-9) & (along_other < 1 - 1e-9))
        if len(hits):
            hit = hits[np.argmin(along[hits])]
            place = points[index] + along[hit] * way
            end = int(others[hit]) + 1
            inner = np.vstack([place, points[index + 1 : end]])
            outer = np.vstack([points[: index + 1], place, points[end:]])
            return tuple(inner.ravel().tolist()), tuple(outer.ravel().tolist())
    return None
