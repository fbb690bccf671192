"""Outlines of masks as polygons along the edges of the pixels: filled again they give the same mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]
"""Corners of a closed polygon [n, 2], x and y in pixels; the last is joined to the first."""


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
    inside = np.asarray(mask, bool)
    if not inside.any():
        return []
    edges = _trace(inside)
    shift = np.array([x, y])
    parts = {ring: Outline(edges.ring(ring) + shift) for ring in edges.in_order if edges.is_outer[ring]}
    holes: dict[int, list[Ring]] = {ring: [] for ring in parts}
    for ring in edges.in_order:
        if not edges.is_outer[ring]:
            holes[edges.around[ring]].append(edges.ring(ring) + shift)
    return [replace(part, holes=tuple(holes[ring])) for ring, part in parts.items()]


@dataclass(frozen=True)
class _Edges:
    """Closed ways along the edges of pixels.

    Attributes:
        corners: Of all rings one after another [N, 2]; each ring begins at its upper left corner, outer borders run
            clockwise and holes the other way round.
        ends: Where each ring ends among the corners.
        around: Index of the ring around each.
        is_outer: Whether a ring is the border of a part, not of a hole.
        in_order: Indices from top to bottom.
    """

    corners: Ring
    ends: Ring
    around: list[int]
    is_outer: list[bool]
    in_order: list[int]

    def ring(self, index: int) -> Ring:
        return self.corners[self.ends[index - 1] if index else 0 : self.ends[index]]


def _trace(inside: NDArray[np.bool_]) -> _Edges:
    """The edges between a mask's pixels (it is not empty) and those outside of it.

    OpenCV traces through the centres of pixels and joins pixels that touch at a corner. So the pixels outside are
    traced, which parts those inside at corners, and each is doubled, so that centres round to edges.
    """
    outside = np.ones((2 * inside.shape[0] + 4, 2 * inside.shape[1] + 4), np.uint8)
    outside[2:-2, 2:-2] = ~inside.repeat(2, axis=0).repeat(2, axis=1)
    traced, tree = cv2.findContours(outside, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    # the first way is the frame around all; each comes before those inside of it
    parents = tree[0, 1:, 3]
    is_outer = np.zeros(len(parents), bool)
    for index, parent in enumerate(parents):
        is_outer[index] = parent == 0 or not is_outer[parent - 1]
    points = (np.concatenate(traced[1:]).reshape(-1, 2).astype(np.int64) - 1) // 2
    lengths = np.array([len(way) for way in traced[1:]])
    points, lengths = _corners(*_without_repeats(points, lengths))
    points, firsts = _started(points, lengths, is_outer)
    order = np.lexsort((firsts[:, 0], firsts[:, 1]))
    return _Edges(points, np.cumsum(lengths), (parents - 1).tolist(), is_outer.tolist(), order.tolist())


def _neighbour(lengths: Ring, step: int) -> Ring:
    """For each point of closed rings the index of the one `step` further on in its ring."""
    start = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return (np.arange(len(start)) - start + step) % np.repeat(lengths, lengths) + start


def _kept(points: Ring, lengths: Ring, keep: NDArray[np.bool_]) -> tuple[Ring, Ring]:
    counts = np.add.reduceat(keep, np.cumsum(lengths) - lengths, dtype=np.int64)
    return points[keep], counts


def _without_repeats(points: Ring, lengths: Ring) -> tuple[Ring, Ring]:
    return _kept(points, lengths, (points != points[_neighbour(lengths, -1)]).any(axis=1))


def _corners(points: Ring, lengths: Ring) -> tuple[Ring, Ring]:
    """Without the points where a way, which runs along rows and columns only, goes straight on."""
    upright = points[:, 0] == points[_neighbour(lengths, 1), 0]
    return _kept(points, lengths, upright != upright[_neighbour(lengths, -1)])


def _started(points: Ring, lengths: Ring, clockwise: NDArray[np.bool_]) -> tuple[Ring, Ring]:
    """The same rings from their upper left corners on, in the wanted direction; and these corners."""
    starts = np.cumsum(lengths) - lengths
    number = np.repeat(np.arange(len(lengths)), lengths)
    first = np.lexsort((points[:, 0], points[:, 1], number))[starts]
    following = points[_neighbour(lengths, 1)]
    areas = np.add.reduceat(points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1], starts)
    direction = np.where((areas > 0) == clockwise, 1, -1)
    place = np.arange(len(points)) - starts[number]
    order = starts[number] + ((first - starts)[number] + direction[number] * place) % lengths[number]
    return points[order], points[first]
