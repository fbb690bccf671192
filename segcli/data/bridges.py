"""Several polygons as one: joined by slits of no width, for formats that know one polygon for each object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[Any]
"""Corners of a closed polygon [n, 2], x and y in pixels."""


def joined_ring(rings: Sequence[Points]) -> Points:
    """One polygon that holds the same pixels as several, holes among them.

    The rings are joined where their corners are closest, along slits that are walked both ways and are as short as can
    be in sum. By the even-odd rule, by which every COCO tool fills, a slit holds nothing and a ring inside another is a
    hole. Takes n log n for n corners, however many rings they belong to.

    Args:
        rings: At least one.
    """
    if len(rings) == 1:
        return rings[0]
    corners = np.concatenate(rings)
    ring_of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    return corners[list(_walk(_slits(corners, ring_of), ring_of))]


def _walk(slits: dict[int, list[int]], ring_of: NDArray[np.intp]) -> Iterator[int]:
    """Numbers of corners, around each ring; from the first corner of a slit across it and around what it leads to."""
    first = np.searchsorted(ring_of, np.arange(ring_of[-1] + 2))
    rings = [range(begin, end) for begin, end in pairwise(first.tolist())]
    walked, waiting = {0}, [iter(rings[0])]
    while waiting:
        corner = next(waiting[-1], None)
        if corner is None:
            waiting.pop()
            continue
        yield corner
        for there in slits.pop(corner, ()):
            number = int(ring_of[there])
            if number not in walked:
                walked.add(number)
                ring, begin = rings[number], there - rings[number].start
                waiting.append(iter([*ring[begin:], *ring[: begin + 1], corner]))


def _slits(corners: Points, ring_of: NDArray[np.intp]) -> dict[int, list[int]]:
    """The shortest connections that join all rings (Kruskal's spanning tree): where each corner leads to."""
    pairs = _neighbours(corners)
    pairs = pairs[ring_of[pairs[:, 0]] != ring_of[pairs[:, 1]]]
    lengths = ((corners[pairs[:, 0]] - corners[pairs[:, 1]]) ** 2).sum(axis=1)
    slits = defaultdict(list)
    root = list(range(ring_of[-1] + 1))
    for here, there in pairs[np.argsort(lengths, kind="stable")].tolist():
        one, other = _root_of(root, int(ring_of[here])), _root_of(root, int(ring_of[there]))
        if one != other:
            root[other] = one
            slits[here].append(there)
            slits[there].append(here)
    return slits


def _root_of(root: list[int], ring: int) -> int:
    while root[ring] != ring:
        root[ring] = ring = root[root[ring]]
    return ring


def _neighbours(corners: Points) -> NDArray[np.intp]:
    """Pairs of corners [m, 2] that hold the shortest slits: the edges of Delaunay's triangles, and equal corners."""
    from scipy.spatial import Delaunay, QhullError

    places, first, place_of = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    by_place = np.argsort(place_of.ravel(), kind="stable")
    equal = np.stack([by_place[:-1], by_place[1:]], axis=1)[np.diff(place_of.ravel()[by_place]) == 0]
    try:
        triangles = Delaunay(places)
    except (QhullError, ValueError):  # all on one line, in whose order they are
        edges = np.stack([np.arange(len(places) - 1), np.arange(1, len(places))], axis=1)
    else:
        sides = [triangles.simplices[:, columns] for columns in ([0, 1], [1, 2], [2, 0])]
        edges = np.concatenate([*sides, triangles.coplanar[:, [0, 2]]])
    return np.concatenate([equal, first[edges]])
