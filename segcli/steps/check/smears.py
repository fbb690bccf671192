"""Masks that were resized with smoothing: ids of other classes line the edge between two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_IDS = 3
"""Least number of ids in a mask for one of them to lie between two others."""
_ROWS_APART = 7
_WIDEST_PX = 4
"""Most pixels in a row that smoothing leaves of an id between two others, at eight times the size."""


@dataclass(frozen=True)
class Smear:
    """Edges between two ids that have another id of the mask between them, counted in sampled rows.

    Attributes:
        ramps: Edges with a strip of a few pixels of such an id between the two.
        jumps: Edges where the two meet.
    """

    ramps: int
    jumps: int


def smear_of(mask: NDArray[np.uint8], ids: bytes, ignore_index: int = 255) -> Smear | None:
    """Counts the edges of a mask [H, W] with these ids; None where they are fewer than three."""
    if len(ids) - (ignore_index in ids) < LEAST_IDS:
        return None
    present = np.frombuffer(ids, np.uint8)
    present = present[present != ignore_index]
    rank = np.zeros(256, np.int64)
    rank[present] = np.arange(len(present))
    rows = mask[min(_ROWS_APART // 2, len(mask) - 1) :: _ROWS_APART]
    flat = np.concatenate([rows, np.full((len(rows), 1), ignore_index, np.uint8)], axis=1).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    runs = flat[starts]
    known, order = runs != ignore_index, rank[runs]
    jumps = known[1:] & known[:-1] & (np.abs(order[1:] - order[:-1]) > 1)
    before, between, after = order[:-2], order[1:-1], order[2:]
    narrow = np.diff(starts)[1:] <= _WIDEST_PX
    inside = ((before < between) & (between < after)) | ((before > between) & (between > after))
    ramps = inside & narrow & known[:-2] & known[1:-1] & known[2:]
    return Smear(int(np.count_nonzero(ramps)), int(np.count_nonzero(jumps)))
