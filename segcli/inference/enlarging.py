"""Label maps from the small logits of a network, without enlarging every class to the size of the image.

Most networks end in a bilinear enlargement of their logits, by 4 or 8. It takes most of their memory, and with many
classes much of their time, although nearly everywhere one class is above all others. So the network is run without it,
and a tile of the label map enlarges only the classes that can be the largest somewhere in it.

An enlarged value is a mean of a window of small values around it, with weights from 0 to 1 that add up to 1. A class
whose largest value in every window of a tile is below what some other class has at least there can therefore be the
largest nowhere in the tile: leaving it out changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        return self.labels_of_small(self._small(images), (images.shape[2], images.shape[3]), used, size)

    def labels_of_small(
        self, small: NDArray[np.float32], whole: tuple[int, int], used: tuple[int, int], size: tuple[int, int]
    ) -> Labels:
        """Label maps [N, H, W] of small logits.

        Args:
            small: Logits [N, classes, h, w].
            whole: Height and width of the network's input.
            used: Height and width of the part of it that is not padding.
            size: Height and width of the label maps.
        """
        inner = inside(whole, used, whole)
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
    windows = rows.window, columns.window
    # a class stays possible beside values that are no numbers, which are not less than others
    possible = ~(_sliding(np.maximum, small, windows) < _sliding(np.minimum, small, windows).max(axis=0))
    labels = np.empty((len(down), len(across)), np.uint8)
    tiles_across = list(columns.tiles())
    for own_rows, row_starts, tops in rows.tiles():
        for own_columns, column_starts, lefts in tiles_across:
            ids = np.flatnonzero(possible[:, row_starts, column_starts].any(axis=(1, 2)))
            if len(ids) == 1:
                labels[tops, lefts] = ids[0]
                continue
            chosen = small[ids, own_rows, own_columns]
            wide = chosen.reshape(-1, chosen.shape[2]) @ across[lefts, own_columns].T
            enlarged = down[tops, own_rows] @ wide.reshape(*chosen.shape[:2], -1)
            labels[tops, lefts] = ids.astype(np.uint8)[argmax(enlarged)]
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

    def tiles(self) -> Iterator[tuple[slice, slice, slice]]:
        """For each tile its small values, the starts of its windows, and its place in the enlarged side."""
        for start in range(0, len(self._first), _TILE_PX):
            place = slice(start, start + _TILE_PX)
            first, end = self._first[place], self._end[place]
            starts = np.minimum(first, self._last_start)
            yield slice(int(first.min()), int(end.max())), slice(int(starts.min()), int(starts.max()) + 1), place


def _sliding(pick: np.ufunc, values: NDArray[np.float32], windows: tuple[int, int]) -> NDArray[np.float32]:
    """The least or the largest value of each window, [classes, starts in rows, starts in columns]."""
    for axis, window in enumerate(windows, 1):
        count = values.shape[axis] - window + 1
        parts = (np.moveaxis(values, axis, 0)[start : start + count] for start in range(window))
        values = np.moveaxis(reduce(pick, parts), 0, axis)
    return values
