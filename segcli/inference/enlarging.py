"""Label maps from the small logits of a network, without enlarging every class to the size of the image.

Most networks end in a bilinear enlargement of their logits, by 4 or 8. It takes most of their memory, and with many
classes much of their time, although nearly everywhere one class is above all others. So the network is run without it,
and a tile of the label map enlarges only the classes that can be the largest somewhere in it.

An enlarged value is a mean of the small values around it, with weights from 0 to 1 that add up to 1. A class whose
largest value in a tile is below what, around every pixel, some other class has at least, can therefore be the largest
nowhere in it: leaving it out changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.inference.decode_labels import argmax, inside, labels_of, resize_logits
from segcli.inference.preprocess import NetworkInput

_TILE_PX = 64
"""Sides of the tiles: their values stay in the processor's cache."""
_FEW_VALUES = 1 << 24
"""Enlarged logits, 64 MB, up to which it is as fast to enlarge all of them."""

Weights = NDArray[np.float32]
"""Share of each small value in each enlarged one, [enlarged, small]; rows add up to 1."""


class EnlargedOutside:
    """A network without its last enlargement; see `segcli.inference.preprocess.GivesLabels`.

    Args:
        small: From normalised images [N, channels, H, W] to small logits [N, classes, h, w].
        align_corners: Whether the corners of both sizes are at the same place; else pixel centres are between.
    """

    def __init__(self, small: Callable[[NetworkInput], NDArray[Any]], *, align_corners: bool) -> None:
        self._small = small
        self._align_corners = align_corners

    def __call__(self, images: NetworkInput) -> NDArray[np.float32]:
        """Logits [N, classes, H, W] in the size of the network's input."""
        return np.stack([self._enlarged(small, *images.shape[2:]) for small in self._small(images)])

    def labels(self, images: NetworkInput, used: tuple[int, int], size: tuple[int, int]) -> Labels:
        """Label maps [N, H, W]; see `segcli.inference.preprocess.GivesLabels`."""
        whole = (images.shape[2], images.shape[3])
        inner = inside(whole, used, whole)
        small = self._small(images)
        if small.shape[1] * whole[0] * whole[1] <= _FEW_VALUES:
            rows, columns = slice(inner[0]), slice(inner[1])
            return np.stack([labels_of(self._enlarged(one, *whole)[:, rows, columns], *size) for one in small])
        down, across = (self._weights(small.shape[2 + axis], whole[axis], inner[axis], size[axis]) for axis in range(2))
        return np.stack([enlarged_labels(one, down, across) for one in small])

    def _enlarged(self, small: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
        if not self._align_corners:
            return resize_logits(small, height, width)
        down, across = (
            resize_weights(*sides, align_corners=True) for sides in zip(small.shape[1:], (height, width), strict=True)
        )
        return np.asarray(down @ small @ across.T, np.float32)

    def _weights(self, small: int, whole: int, inner: int, label: int) -> Weights:
        """Weights of a side of the label map: enlarged to the input, cut to the image, resized to the image's size."""
        to_input = resize_weights(small, whole, align_corners=self._align_corners)[:inner]
        if label == inner:
            return to_input
        first, second, share = _neighbours(inner, label, align_corners=False)
        return np.asarray(to_input[first] * (1 - share)[:, None] + to_input[second] * share[:, None], np.float32)


@lru_cache(maxsize=16)
def resize_weights(old: int, new: int, *, align_corners: bool) -> Weights:
    """The weights of a bilinear resizing of one side."""
    first, second, share = _neighbours(old, new, align_corners=align_corners)
    weights = np.zeros((new, old), np.float32)
    rows = np.arange(new)
    weights[rows, first] += 1 - share
    weights[rows, second] += share
    weights.flags.writeable = False
    return weights


def _neighbours(
    old: int, new: int, *, align_corners: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each new position the old ones before and after it, and the share of the latter."""
    steps = np.arange(new, dtype=np.float64)
    places = steps * ((old - 1) / max(new - 1, 1)) if align_corners else (steps + 0.5) * (old / new) - 0.5
    places = np.clip(places, 0, old - 1)
    first = np.floor(places).astype(np.int64)
    return first, np.minimum(first + 1, old - 1), (places - first).astype(np.float32)


def enlarged_labels(small: NDArray[np.float32], down: Weights, across: Weights) -> Labels:
    """The class of the largest enlarged logit of each pixel; the lowest id among equal ones.

    Args:
        small: Logits [classes, h, w], at most 256 classes.
        down: Weights of the rows, [H, h].
        across: Weights of the columns, [W, w].

    Returns:
        uint8 [H, W].
    """
    rows, columns = _Side(down), _Side(across)
    # what the largest class has at least, around each pixel whose window begins there
    least = _sliding_least(_sliding_least(small, 1, rows.window), 2, columns.window).max(axis=0)
    labels = np.empty((len(down), len(across)), np.uint8)
    for top in range(0, len(down), _TILE_PX):
        for left in range(0, len(across), _TILE_PX):
            tile = labels[top : top + _TILE_PX, left : left + _TILE_PX]
            (own_rows, row_starts), (own_columns, column_starts) = rows.around(top), columns.around(left)
            cells = small[:, own_rows, own_columns]
            kept = np.flatnonzero(cells.max(axis=(1, 2)) >= least[row_starts, column_starts].min())
            if len(kept) == 1:
                tile[:] = kept[0]
                continue
            chosen = cells[kept] if len(kept) else cells
            shares = down[top : top + _TILE_PX, own_rows], across[left : left + _TILE_PX, own_columns]
            best = argmax(np.asarray(shares[0] @ chosen @ shares[1].T, np.float32))
            tile[:] = kept.astype(np.uint8)[best] if len(kept) else best
    return labels


class _Side:
    """Which small values take part in each enlarged one.

    Attributes:
        window: The most small values in one.
    """

    def __init__(self, weights: Weights) -> None:
        used = weights > 0
        self._first = used.argmax(axis=1)
        self._end = used.shape[1] - used[:, ::-1].argmax(axis=1)
        self.window = int((self._end - self._first).max())
        self._last_start = used.shape[1] - self.window

    def around(self, start: int) -> tuple[slice, slice]:
        """The small values of a tile, and the starts of its windows."""
        first, end = self._first[start : start + _TILE_PX], self._end[start : start + _TILE_PX]
        starts = np.minimum(first, self._last_start)
        return slice(int(first.min()), int(end.max())), slice(int(starts.min()), int(starts.max()) + 1)


def _sliding_least(values: NDArray[np.float32], axis: int, window: int) -> NDArray[np.float32]:
    count = values.shape[axis] - window + 1
    parts = (np.moveaxis(values, axis, 0)[start : start + count] for start in range(window))
    return np.moveaxis(reduce(np.minimum, parts), 0, axis)
