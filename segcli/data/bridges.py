"""Several polygons as one: joined by slits of no width, for formats that know one polygon for each object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[Any]
"""Corners of a closed polygon [n, 2], x and y in pixels."""


def joined_ring(rings: Sequence[Points]) -> Points:
    """One polygon that holds the same pixels as several, holes among them.

    Each ring is joined where its corner lies next to one that is joined already, along a slit that is walked both ways.
    By the even-odd rule, by which every COCO tool fills, the slit holds nothing and a ring inside another is a hole.

    Args:
        rings: At least one.
    """
    joined, *waiting = rings
    while waiting:
        pairs = [_nearest(joined, ring) for ring in waiting]
        index = min(range(len(pairs)), key=lambda number: pairs[number][0])
        _, here, there = pairs[index]
        ring = waiting.pop(index)
        tour = np.concatenate([ring[there:], ring[: there + 1]])
        joined = np.concatenate([joined[: here + 1], tour, joined[here:]])
    return joined


def _nearest(one: Points, other: Points) -> tuple[float, int, int]:
    """Square of the distance of the corners that are next to each other, and their indices."""
    apart = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    here, there = np.unravel_index(int(apart.argmin()), apart.shape)
    return float(apart[here, there]), int(here), int(there)
