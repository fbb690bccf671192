"""Connected parts of a label map, of all classes in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def connected_parts(labels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The parts of equal ids that touch each other at sides or corners.

    A mask is looked at once however many classes it shows: runs of equal ids in a row are joined with those of the row
    below, in rounds of which each leaves at most half of the parts that still grow.

    Args:
        labels: Ids, [H, W].

    Returns:
        Of each part in order of its first pixel, its id, uint8 [N], and its area in pixels, int64 [N].
    """
    if not labels.size:
        return np.empty(0, np.uint8), np.empty(0, np.int64)
    starts = np.ones(labels.shape, np.bool_)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=starts[:, 1:])
    first = np.flatnonzero(starts)
    lengths = np.diff(first, append=labels.size)
    roots = _joined(len(first), *_touching(labels, starts, first, lengths))
    areas = np.bincount(roots, lengths).astype(np.int64)
    own = np.flatnonzero(areas)
    return labels.ravel()[first[own]], areas[own]


def _touching(
    labels: NDArray[np.uint8], starts: NDArray[np.bool_], first: Indices, lengths: Indices
) -> tuple[Indices, Indices]:
    """Pairs of runs of one id, one above the other; each pair once, where both begin to lie side by side.

    Only places where a run begins are looked at, by `first`: they are few among the pixels.
    """
    width, values, begins = labels.shape[1], labels.ravel(), starts.ravel()
    above, below = first[first < labels.size - width], first[first >= width] - width
    upright = np.concatenate((above, below[~begins[below]]))
    upright = upright[values[upright] == values[upright + width]]
    # runs that touch at a corner alone end and begin at the same column
    corner = above[begins[above + width]]
    corner = corner[corner % width > 0]
    falling = corner[values[corner - 1] == values[corner + width]]
    rising = corner[values[corner] == values[corner + width - 1]]
    tops = np.concatenate((upright, falling - 1, rising))
    bottoms = np.concatenate((upright, falling, rising - 1)) + width
    runs = np.repeat(np.arange(len(first)), lengths)
    return runs[tops], runs[bottoms]


def _joined(count: int, one: Indices, other: Indices) -> Indices:
    """The smallest member of the group of each of `count` things, where pairs belong together."""
    roots = np.arange(count)
    while len(one):
        low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
        apart = low != high
        one, other = one[apart], other[apart]
        roots[high[apart]] = low[apart]
        while True:
            further = roots[roots]
            if np.array_equal(further, roots):
                break
            roots = further
    return roots
