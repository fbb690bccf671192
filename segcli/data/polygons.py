"""Polygons as COCO writes them, x1, y1, x2, y2, ... in pixels: area, box, and whether one crosses itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from operator import mul, sub

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.intp]

MOST_PAIRS = 1 << 24
"""Pairs of sides of one image's polygons that are tested for crossings."""
CORNERS_AT_ONCE = 8192
"""Corners of many polygons that are tested together: so many that a call of NumPy costs little beside its work."""
_PAIRS_AT_ONCE = 1 << 18
_ROUNDING = 1e-9


def as_array(numbers: Sequence[float]) -> Values:
    """Many numbers as float64 [n], read-only; NumPy takes three times as long to read a list.

    Raises:
        TypeError: One is no number, or an integer beyond the largest float.
    """
    try:
        return np.frombuffer(struct.pack(f"{len(numbers)}d", *numbers), np.float64)
    except struct.error as fault:
        raise TypeError(str(fault)) from fault


@lru_cache(maxsize=1024)
def _packing_of(numbers: int) -> struct.Struct:
    """Turns the numbers of a polygon into the bytes of an array, in half the time of `as_array`."""
    return struct.Struct(f"{numbers}d")


def ring_area(ring: Sequence[float]) -> float:
    """Area of one polygon in square pixels (shoelace formula)."""
    xs, ys = ring[0::2], ring[1::2]
    before_xs, before_ys = (*xs[-1:], *xs[:-1]), (*ys[-1:], *ys[:-1])
    doubled: float = sum(map(sub, map(mul, before_xs, ys), map(mul, before_ys, xs)))
    return abs(doubled) / 2


def polygons_area(polygons: Sequence[Sequence[float]]) -> float:
    """Sum of the areas of the polygons of one object."""
    return sum(ring_area(ring) for ring in polygons)


def polygons_box(polygons: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """Smallest box around all polygons: left, top, width, height."""
    corners = polygons[0] if len(polygons) == 1 else tuple(chain.from_iterable(polygons))
    xs, ys = corners[0::2], corners[1::2]
    left, top = min(xs), min(ys)
    return left, top, max(xs) - left, max(ys) - top


@dataclass(frozen=True)
class Sides:
    """All sides of many polygons, in order of polygons and of their left ends.

    Attributes:
        x: Of the start of each side, in pixels.
        y: Likewise.
        dx: Way to its end.
        dy: Likewise.
        ring: Index of its polygon.
        rings: Number of polygons.
        extent: Above all coordinates of each polygon.
    """

    x: Values
    y: Values
    dx: Values
    dy: Values
    ring: Indices
    rings: int
    extent: Values

    @staticmethod
    def of(rings: Sequence[Sequence[float]]) -> Sides:
        """The sides of polygons, each x1, y1, x2, y2, ... and closed."""
        lengths = np.array([len(ring) // 2 for ring in rings], np.intp)
        packed = b"".join([_packing_of(len(ring)).pack(*ring) for ring in rings])
        corners = np.frombuffer(packed, np.float64).reshape(-1, 2)
        ends = np.cumsum(lengths)
        following = np.arange(1, len(corners) + 1)
        following[ends - 1] = ends - lengths
        x, y = np.ascontiguousarray(corners.T)
        dx, dy = x[following] - x, y[following] - y
        ring = np.repeat(np.arange(len(rings)), lengths)
        extent, has_sides = np.ones(len(rings)), lengths > 0
        extent[has_sides] += np.maximum.reduceat(np.maximum(np.abs(x), np.abs(y)), (ends - lengths)[has_sides])
        sides = Sides(x, y, dx, dy, ring, len(rings), extent)
        # by one key, which takes a fifth of the time; rounding exchanges only sides that begin side by side
        return sides._taken(np.argsort(sides.set_apart(np.minimum(x, x + dx)), kind="stable"))

    def areas(self) -> Values:
        """Area of each polygon in square pixels (shoelace formula)."""
        doubled = np.bincount(self.ring, self.x * self.dy - self.y * self.dx, minlength=self.rings)
        return np.asarray(np.abs(doubled) / 2, np.float64)

    def boxes(self, owner: Indices, owners: int) -> Values:
        """The smallest box around all polygons of each owner: left, top, width, height in pixels, float64 [owners, 4].

        Args:
            owner: Index of the owner of each polygon, [rings].
            owners: Their number; the boxes of those without a polygon are not finite.
        """
        first = np.flatnonzero(np.diff(self.ring, prepend=-1))  # of each polygon
        of_ring = owner[self.ring[first]]
        near, far = np.full((2, owners), np.inf), np.full((2, owners), -np.inf)
        for axis, values in enumerate((self.x, self.y)):
            np.minimum.at(near[axis], of_ring, np.minimum.reduceat(values, first))
            np.maximum.at(far[axis], of_ring, np.maximum.reduceat(values, first))
        return np.asarray(np.concatenate([near, far - near]).T, np.float64)

    def seen_from(self, line: Indices, side: Indices) -> tuple[Values, Values]:
        """On which hand of a line the start and the end of a side lie: cross products, 0 on the line itself."""
        dx, dy = self.dx[line], self.dy[line]
        before = dx * (self.y[side] - self.y[line]) - dy * (self.x[side] - self.x[line])
        after = before + dx * self.dy[side] - dy * self.dx[side]
        noise = self.noise[line]
        return np.where(np.abs(before) < noise, 0, before), np.where(np.abs(after) < noise, 0, after)

    @cached_property
    def noise(self) -> Values:
        """Below which a cross product with each side is 0."""
        return np.asarray(_ROUNDING * self.extent[self.ring] * (np.abs(self.dx) + np.abs(self.dy)), np.float64)

    def transposed(self) -> Sides:
        """The same sides with x and y exchanged, in order of their upper ends."""
        return Sides(self.y, self.x, self.dy, self.dx, self.ring, self.rings, self.extent).exactly_ordered()

    def exactly_ordered(self) -> Sides:
        """The same sides in an order that does not depend on the polygons beside them."""
        return self._taken(np.lexsort((np.minimum(self.x, self.x + self.dx), self.ring)))

    def set_apart(self, places: Values) -> Values:
        """A place of each side along x, with the polygons so far apart that a single search finds each one's own."""
        return np.asarray(places + (3 * np.cumsum(self.extent) - 1.5 * self.extent)[self.ring], np.float64)

    def _taken(self, order: Indices) -> Sides:
        x, y, dx, dy = self.x[order], self.y[order], self.dx[order], self.dy[order]
        return Sides(x, y, dx, dy, self.ring[order], self.rings, self.extent)


def may_cross(sides: Sides) -> NDArray[np.bool_]:
    """Which polygons cross themselves, bool [rings]; all where the test would take long.

    For many polygons at once, of which few cross themselves: three times faster than `crossings_within`, which tells
    where, and goes the better of two ways.
    """
    pairs = _pairs(sides, touching=False)
    is_long = pairs.sum() > _PAIRS_AT_ONCE
    found = np.full(sides.rings, is_long)
    if not is_long:
        found[list(_Walk(sides, pairs, _PAIRS_AT_ONCE).crossings())] = True
    return found


def self_crossings(sides: Sides) -> dict[int, tuple[float, float]]:
    """Which polygons cross themselves, and where; see `crossings_within`."""
    return crossings_within(sides)[0]


def crossings_within(
    sides: Sides, most_pairs: int = MOST_PAIRS
) -> tuple[dict[int, tuple[float, float]], frozenset[int]]:
    """Which polygons cross themselves and where, and which were not tested to the end.

    Sides that touch or lie on each other do not cross: outlines of masks touch themselves at corners, and outlines with
    a hole run along the same slit twice. All polygons of an image are tested at once, and only sides that lie above
    each other, which is 20 times faster than all pairs of each. A polygon is left at its first crossing.

    Args:
        sides: Of the polygons.
        most_pairs: Pairs of sides that are tested; thousands of long sides beside each other make millions of them.

    Returns:
        For the index of each polygon that crosses itself, x and y of a crossing in pixels; and the polygons with pairs
        beyond `most_pairs`.
    """
    sides = sides.exactly_ordered()
    turned = sides.transposed()
    across, down = _pairs(sides), _pairs(turned)
    is_turned = int(down.sum()) < int(across.sum())
    walk = _Walk(turned, down, most_pairs) if is_turned else _Walk(sides, across, most_pairs)
    found = walk.crossings()
    if is_turned:
        found = {ring: (y, x) for ring, (x, y) in found.items()}
    return found, frozenset(walk.untested)


class _Walk:
    """Goes through the pairs of sides that lie above each other, block by block.

    Args:
        sides: In order of polygons and of their left ends.
        pairs: For each side, the number of the sides after it that begin before it ends.
        most_pairs: How many are looked at.
    """

    def __init__(self, sides: Sides, pairs: Indices, most_pairs: int) -> None:
        self._sides, self._pairs = sides, pairs
        self._upto = np.cumsum(pairs)
        self._left = most_pairs
        self.untested: set[int] = set()

    def crossings(self) -> dict[int, tuple[float, float]]:
        """A crossing of each polygon that has one among the pairs that were looked at."""
        sides, found = self._sides, dict[int, tuple[float, float]]()
        ends = np.searchsorted(sides.ring, np.arange(sides.rings), side="right")
        begin = 0
        while begin < len(sides.ring):
            ring = int(sides.ring[begin])
            if ring in found:
                begin = int(ends[ring])
                continue
            end = self._end_of_block(begin)
            if self._left <= 0 < self._pairs[begin]:
                self.untested.add(ring)
                begin = int(ends[ring])
                continue
            for other, place in self._crossings_of(np.arange(begin, end)):
                found.setdefault(other, place)
            begin = end
        return found

    def _end_of_block(self, begin: int) -> int:
        before = int(self._upto[begin] - self._pairs[begin])
        return max(begin + 1, int(np.searchsorted(self._upto, before + _PAIRS_AT_ONCE, side="right")))

    def _crossings_of(self, members: Indices) -> Iterator[tuple[int, tuple[float, float]]]:
        sides = self._sides
        line, side_near = self._neighbours(members)
        before, after = sides.seen_from(line, side_near)
        parted = np.flatnonzero(before * after < 0)
        # the line through one side parts the ends of the other; now the other way round
        one, other, before, after = line[parted], side_near[parted], before[parted], after[parted]
        back_before, back_after = sides.seen_from(other, one)
        for index in np.flatnonzero(back_before * back_after < 0).tolist():
            side = other[index]
            share = before[index] / (before[index] - after[index])
            place = (float(sides.x[side] + share * sides.dx[side]), float(sides.y[side] + share * sides.dy[side]))
            yield int(sides.ring[side]), place

    def _neighbours(self, members: Indices) -> tuple[Indices, Indices]:
        """Pairs of sides of one polygon that overlap both from left to right and from top to bottom."""
        sides, counts = self._sides, self._pairs[members]
        self._left -= int(counts.sum())
        one = np.repeat(np.arange(len(members)), counts)
        other = np.arange(1, len(one) + 1) + (members + counts - np.cumsum(counts))[one]
        one += members[0]
        top, bottom = np.minimum(sides.y, sides.y + sides.dy), np.maximum(sides.y, sides.y + sides.dy)
        overlap = np.flatnonzero((top[one] < bottom[other]) & (top[other] < bottom[one]))
        return one[overlap], other[overlap]


def _pairs(sides: Sides, *, touching: bool = True) -> Indices:
    """For each side, how many of the sides after it in its polygon begin before it ends, or just there if `touching`.

    Those that only touch it cross nothing; they are a third of the pairs of a smooth outline.
    """
    left, right = (sides.set_apart(chosen(sides.x, sides.x + sides.dx)) for chosen in (np.minimum, np.maximum))
    pairs = np.searchsorted(left, right, side="right" if touching else "left") - np.arange(len(left)) - 1
    return np.asarray(np.maximum(pairs, 0), np.intp)
