"""Outlines of masks as polygons along the edges of the pixels: filled again they give the same mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]
"""Corners of a closed polygon [n, 2], x and y in pixels; the last is joined to the first."""

# a step along the border, the mask on its right: to the right, down, to the left, up
_STEPS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])


@dataclass(frozen=True)
class Outline:
    """One connected part of a mask: its outer border (clockwise on the screen) and its holes (the other way round)."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


def mask_outlines(mask: NDArray[Any], x: int = 0, y: int = 0) -> list[Outline]:
    """The outlines of a mask.

    Pixels that touch at a corner only are parts of their own, so no polygon crosses or touches itself there.

    Args:
        mask: [H, W] of bool or 0 and 1.
        x: Added to all x: column of the mask's left edge in its image.
        y: Added to all y: row of the mask's upper edge.

    Returns:
        The parts, from top to bottom.
    """
    inside = np.pad(np.asarray(mask, bool), 1)
    rings = _rings(inside)
    outers = [ring for ring in rings if _signed_area(ring) > 0]
    holes: list[list[Ring]] = [[] for _ in outers]
    for hole in (ring for ring in rings if _signed_area(ring) < 0):
        around = [index for index, outer in enumerate(outers) if _holds(outer, hole)]
        holes[min(around, key=lambda index: _signed_area(outers[index]))].append(hole)
    # the frame of one pixel that was added is taken away again
    shift = np.array([x - 1, y - 1])
    return [
        Outline(outer + shift, tuple(hole + shift for hole in own)) for outer, own in zip(outers, holes, strict=True)
    ]


def _rings(inside: NDArray[np.bool_]) -> list[Ring]:
    """Closed ways along the border of a mask with an empty frame, their corners only."""
    width = inside.shape[1] + 1
    rows, columns = np.nonzero(inside)
    # of each pixel on the border: where the step along its upper, right, lower and left edge begins
    begins = ((0, 0), (0, 1), (1, 1), (1, 0))
    neighbours = ((-1, 0), (0, 1), (1, 0), (0, -1))
    leaving = np.full((4, (inside.shape[0] + 1) * width), -1, np.int64)
    starts, directions, count = [], [], 0
    for direction, ((down, right), (above, beside)) in enumerate(zip(begins, neighbours, strict=True)):
        free = ~inside[rows + above, columns + beside]
        points = (rows[free] + down) * width + columns[free] + right
        leaving[direction, points] = np.arange(count, count + len(points))
        starts.append(points)
        directions.append(np.full(len(points), direction))
        count += len(points)
    start, direction_of = np.concatenate(starts), np.concatenate(directions)
    end = start + (_STEPS[direction_of] @ np.array([1, width]))
    # around the same pixel first: a turn to the right, then straight on, then to the left
    turned = [leaving[(direction_of + turn) % 4, end] for turn in (1, 0, 3)]
    following = np.where(turned[0] >= 0, turned[0], np.where(turned[1] >= 0, turned[1], turned[2])).tolist()
    return _walk(following, start, direction_of, width)


def _walk(following: list[int], start: Ring, direction: Ring, width: int) -> list[Ring]:
    unseen = [True] * len(following)
    rings = []
    for first in range(len(following)):
        steps = []
        step = first
        while unseen[step]:
            unseen[step] = False
            steps.append(step)
            step = following[step]
        if steps:
            way = direction[steps]
            corners = start[steps][way != np.roll(way, 1)]
            rings.append(np.stack([corners % width, corners // width], axis=1))
    return rings


def _signed_area(ring: Ring) -> float:
    """Twice the area, positive for outer borders."""
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum())


def _holds(outer: Ring, hole: Ring) -> bool:
    """Whether a hole lies in an outer border; a point just inside of the hole's first corner is tested."""
    corner, ahead, behind = hole[0], hole[1], hole[-1]
    x, y = corner + 0.5 * (np.sign(ahead - corner) + np.sign(behind - corner))
    following = np.roll(outer, -1, axis=0)
    upright = outer[:, 0] == following[:, 0]
    low = np.minimum(outer[:, 1], following[:, 1])
    high = np.maximum(outer[:, 1], following[:, 1])
    return bool((upright & (outer[:, 0] > x) & (low < y) & (y < high)).sum() % 2)
