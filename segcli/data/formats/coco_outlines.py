"""The polygons of many COCO annotations, measured at once: one by one, Python would take half of a file's reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, compress
from typing import Any, NamedTuple

import numpy as np

from segcli.data.boxes import FAR_PX, BoxLtwh
from segcli.data.instances import Polygons
from segcli.data.polygons import Values, as_array
from segcli.data.prefetch import batched_to
from segcli.data.rle import Rle

NUMBERS = frozenset({int, float})
LEAST_CORNERS = 3
_AT_ONCE = 1 << 16
"""Numbers that are measured together."""


class Outline(NamedTuple):
    """An outline without a fault.

    Attributes:
        shape: Polygons, or a run-length code.
        around: Smallest box around all of it.
        areas_px: The area of each polygon, or the one of the code.
    """

    shape: Polygons | Rle
    around: BoxLtwh
    areas_px: list[float]


def measured_outlines(entries: Iterable[Any]) -> Iterator[Outline | None]:
    """The polygons of each annotation; None where it has none, or one of those measured with it may have a fault."""
    for portion in batched_to(map(_rings, entries), _AT_ONCE, size=_count):
        measured = iter(_measured([rings for rings in portion if rings]))
        for rings in portion:
            yield next(measured, None) if rings else None


def _rings(entry: Any) -> list[list[Any]]:
    """The polygons of an annotation, if they look like such; their values may be anything."""
    rings = entry.get("segmentation") if isinstance(entry, dict) else None
    if not isinstance(rings, list):
        return []
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 2 * LEAST_CORNERS or len(ring) % 2:
            return []
    return rings


def _count(rings: Sequence[Sequence[Any]]) -> int:
    return sum(map(len, rings))


def _measured(outlines: Sequence[list[list[Any]]]) -> list[Outline]:
    """What is known of all these outlines; nothing if a value of one is no number, or far away."""
    rings = list(chain.from_iterable(outlines))
    values = list(chain.from_iterable(rings))
    try:
        numbers = as_array(values)
    except TypeError:
        return []
    if not len(numbers) or not np.abs(numbers).max() <= FAR_PX:  # nor NaN
        return []
    # only what is whole can be an integer, true or false
    kinds = set(map(type, compress(values, (numbers == np.rint(numbers)).tobytes())))
    if not kinds <= NUMBERS:
        return []
    x, y = np.ascontiguousarray(numbers.reshape(-1, 2).T)
    areas = iter(_areas_px(x, y, [len(ring) // 2 for ring in rings]))
    first = [0, *accumulate(_count(outline) // 2 for outline in outlines[:-1])]
    left, top = np.minimum.reduceat(x, first), np.minimum.reduceat(y, first)
    wide, high = np.maximum.reduceat(x, first) - left, np.maximum.reduceat(y, first) - top
    boxes = zip(left.tolist(), top.tolist(), wide.tolist(), high.tolist(), strict=True)
    ring_of = tuple if kinds <= {float} else _as_floats
    return [
        Outline(tuple(map(ring_of, outline)), box, [next(areas) for _ in outline])
        for outline, box in zip(outlines, boxes, strict=True)
    ]


def _areas_px(x: Values, y: Values, corners: Sequence[int]) -> list[float]:
    """The area of each polygon, added up in the order of `ring_area`."""
    ends = np.cumsum(corners)
    before = np.arange(-1, len(x) - 1)
    before[ends - corners] = ends - 1
    ring = np.repeat(np.arange(len(corners)), corners)
    doubled = np.bincount(ring, x[before] * y - y[before] * x)
    areas: list[float] = (np.abs(doubled) / 2).tolist()
    return areas


def _as_floats(ring: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, ring))
