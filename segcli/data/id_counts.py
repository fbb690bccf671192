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


def count_ids(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of pixels per id in a mask [H, W]: int64 [256]. Five times faster than `np.unique`."""
    if mask.size <= FEW_PIXELS:
        return np.bincount(mask.ravel(), minlength=_IDS)
    counts: NDArray[np.float32] = cv2.calcHist([mask], [0], None, [_IDS], [0, _IDS])
    return counts.reshape(_IDS).astype(np.int64)


def count_ids_of_each(masks: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """The same of small masks of any size: int64 [masks, 256]. Of fifty of 16 px at once three times faster."""
    if not masks:
        return np.zeros((0, _IDS), np.int64)
    ids = np.concatenate([mask.ravel() for mask in masks]).astype(np.int64)
    ids += np.repeat(_IDS * np.arange(len(masks)), [mask.size for mask in masks])
    return np.bincount(ids, minlength=_IDS * len(masks)).reshape(-1, _IDS)


def present_ids(counts: NDArray[np.int64]) -> bytes:
    """The ids that have pixels, in order, a byte each: few, and faster to go through than the counts, int64 [256]."""
    return counts.nonzero()[0].astype(np.uint8).tobytes()


def present_ids_of_each(counts: NDArray[np.int64]) -> list[bytes]:
    """The same for the counts of several masks, int64 [masks, 256]."""
    places = np.flatnonzero(counts.ravel() != 0)  # three times faster than of two dimensions, and of numbers
    every = places.astype(np.uint8).tobytes()  # the remainder of a place divided by 256
    ends = np.searchsorted(places, np.arange(0, counts.size + 1, _IDS)).tolist()
    return [every[start:end] for start, end in pairwise(ends)]
