"""How often each id occurs in a label map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

FEW_PIXELS = 1 << 12
"""Up to here NumPy counts faster than OpenCV."""
_IDS = 256

PresentIds = tuple[bytes, tuple[int, ...]]
"""The ids that have pixels in a mask, in order, a byte each, and the pixels of each: few, and faster to go through than
the counts of all ids."""


def count_ids(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of pixels per id in a mask [H, W]: int64 [256]. Five times faster than `np.unique`."""
    if mask.size <= FEW_PIXELS:
        return np.bincount(mask.ravel(), minlength=_IDS)
    counts: NDArray[np.float32] = cv2.calcHist([mask], [0], None, [_IDS], [0, _IDS])
    return counts.reshape(_IDS).astype(np.int64)


def present_ids(counts: NDArray[np.int64]) -> PresentIds:
    """Those of a mask with these pixels per id, int64 [256]."""
    (present,) = counts.nonzero()
    return present.astype(np.uint8).tobytes(), tuple(counts[present].tolist())


def present_ids_of_each(masks: Sequence[NDArray[np.uint8]]) -> list[PresentIds]:
    """Those of small masks of any size, uint8 [H, W]; of fifty of 16 px at once in less than half the time."""
    if not masks:
        return []
    flat = np.concatenate(masks, axis=None)
    ids = int(flat.max()) + 1
    cells = flat.astype(np.int64)
    cells += np.repeat(ids * np.arange(len(masks)), [mask.size for mask in masks])
    counts = np.bincount(cells, minlength=ids * len(masks))
    places = counts.nonzero()[0]
    every, pixels = (places % ids).astype(np.uint8).tobytes(), counts[places].tolist()
    ends = np.searchsorted(places, np.arange(0, counts.size + 1, ids)).tolist()
    return [(every[start:end], tuple(pixels[start:end])) for start, end in pairwise(ends)]
