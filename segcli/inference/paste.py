"""Masks of detections at the size of the image, computed inside their boxes and run-length encoded one by one.

No mask of the whole image is allocated. A bilinear enlargement is two small matrix products, one per axis, whose rows
hold the two weights of each pixel; the result equals that of PaddleDetection's sampling of the whole image, a thousand
times faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.rle import Rle

Floats = NDArray[np.float32]
_AT_ONCE = 16
"""Number of objects whose weights are computed together."""


@dataclass(frozen=True)
class LogitCrop:
    """The part of a map that holds an object and the cells beside it; the rest of the map is negative.

    Attributes:
        top: First row in the map.
        left: First column in the map.
        logits: [h, w].
    """

    top: int
    left: int
    logits: Floats


def paste_masks(
    masks: NDArray[Any], boxes: NDArray[Any], height: int, width: int, *, threshold: float = 0.5
) -> Iterator[Rle]:
    """The masks of R-CNN heads, stretched over their boxes.

    Args:
        masks: Probabilities [N, m, m].
        boxes: Left, top, right, bottom in pixels [N, 4].
        height: Of the image.
        width: Of the image.
        threshold: Smallest probability inside a mask.
    """
    for start in range(0, len(masks), _AT_ONCE):
        chunk = np.asarray(masks[start : start + _AT_ONCE], np.float32)
        edges = np.asarray(boxes[start : start + _AT_ONCE], np.float64)
        rows = _BoxWeights(edges[:, 1], edges[:, 3], height, chunk.shape[1])
        columns = _BoxWeights(edges[:, 0], edges[:, 2], width, chunk.shape[2])
        for index, mask in enumerate(chunk):
            (top, vertical), (left, horizontal) = rows.of(index), columns.of(index)
            # transposed in memory, because run-length codes run along columns
            inside = horizontal @ (vertical @ mask).T >= threshold
            yield rle.encode_crop(inside.T, left, top, height, width)


def paste_in_boxes(
    coefficients: NDArray[Any], prototypes: NDArray[Any], boxes: NDArray[Any], height: int, width: int
) -> Iterator[Rle]:
    """Masks where the sigmoid of coefficients times prototypes exceeds 0.5, cropped to their boxes (PP-YOLOE_seg).

    A pixel is inside a box if its index is, as in the network; testing its centre would be more exact by half a pixel.

    Args:
        coefficients: [N, K].
        prototypes: [K, h, w], stretched over the whole image.
        boxes: Left, top, right, bottom in pixels of the image [N, 4].
        height: Of the image.
        width: Of the image.
    """
    maps = np.asarray(prototypes, np.float32)
    edges = np.asarray(boxes, np.float64).reshape(-1, 4)
    rows = _covered(edges[:, 1], edges[:, 3], _stretch_weights(maps.shape[1], height))
    columns = _covered(edges[:, 0], edges[:, 2], _stretch_weights(maps.shape[2], width))
    every = zip(np.asarray(coefficients, np.float32), rows, columns, strict=True)
    while chunk := list(islice(every, _AT_ONCE)):
        logits = [
            np.dot(weights[None], maps[:, down.cells, across.cells].reshape(len(maps), -1))[0]
            for weights, down, across in chunk
        ]
        soft = 1 / (1 + np.exp(-np.clip(np.concatenate(logits), -50, 50)))
        end = 0
        for (_, down, across), values in zip(chunk, logits, strict=True):
            begin, end = end, end + len(values)
            if begin == end:
                yield rle.empty(height, width)
                continue
            small = soft[begin:end].reshape(down.weights.shape[1], -1)
            inside = across.weights @ (down.weights @ small).T > 0.5
            yield rle.encode_crop(inside.T, across.first, down.first, height, width)


def paste_anywhere(coefficients: NDArray[Any], prototypes: NDArray[Any], height: int, width: int) -> Iterator[Rle]:
    """Masks where coefficients times prototypes are positive, anywhere in the image (Mask-RT-DETR).

    Only the part around the positive values of the small map is enlarged: a pixel is a mean of its neighbours there,
    and without a positive one it cannot be positive.

    Args:
        coefficients: [N, K].
        prototypes: [K, h, w], stretched over the whole image.
        height: Of the image.
        width: Of the image.
    """
    maps = np.asarray(prototypes, np.float32)
    flat = maps.reshape(len(maps), -1)
    logits = ((weights @ flat).reshape(maps.shape[1:]) for weights in np.asarray(coefficients, np.float32))
    return paste_logits((LogitCrop(0, 0, one) for one in logits), maps.shape[1:], height, width)


def paste_logits(crops: Iterable[LogitCrop], cells: Sequence[int], height: int, width: int) -> Iterator[Rle]:
    """Masks where small maps, stretched over the whole image, are positive.

    Args:
        crops: Parts of maps that all have the same size.
        cells: Height and width of the maps.
        height: Of the image.
        width: Of the image.
    """
    vertical, horizontal = _stretch_weights(cells[0], height), _stretch_weights(cells[1], width)
    for crop in crops:
        positive: Any = crop.logits > 0
        if not positive.any():
            yield rle.empty(height, width)
            continue
        own_rows, own_columns = _around(positive.any(axis=1)), _around(positive.any(axis=0))
        small = crop.logits[own_rows, own_columns]
        rows, columns = _moved(own_rows, crop.top, cells[0]), _moved(own_columns, crop.left, cells[1])
        top, bottom = _reached(vertical, rows)
        left, right = _reached(horizontal, columns)
        inside = horizontal[left:right, columns] @ (vertical[top:bottom, rows] @ small).T > 0
        yield rle.encode_crop(inside.T, left, top, height, width)


def paste_maps(
    maps: NDArray[Any], resized: tuple[int, int], height: int, width: int, *, threshold: float = 0.5
) -> Iterator[Rle]:
    """Masks from maps of the whole input at a quarter of its resolution (SOLOv2).

    Each map is enlarged four times, cropped to the part without padding and resized to the image, as the network does;
    here both steps are one product per axis.

    Args:
        maps: Probabilities [N, h, w].
        resized: Height and width of the input without padding.
        height: Of the image.
        width: Of the image.
        threshold: Probability above which a pixel belongs to the mask.
    """
    if not len(maps):
        return
    vertical = _twice_stretched(maps.shape[1], resized[0], height)
    horizontal = _twice_stretched(maps.shape[2], resized[1], width)
    for soft in np.asarray(maps, np.float32):
        high = soft > threshold
        if not high.any():
            yield rle.empty(height, width)
            continue
        rows, columns = _around(high.any(axis=1), 2), _around(high.any(axis=0), 2)
        top, bottom = _reached(vertical, rows)
        left, right = _reached(horizontal, columns)
        inside = horizontal[left:right, columns] @ (vertical[top:bottom, rows] @ soft[rows, columns]).T > threshold
        yield rle.encode_crop(inside.T, left, top, height, width)


def _twice_stretched(cells: int, resized: int, size: int) -> Floats:
    return np.asarray(_stretch_weights(resized, size) @ _stretch_weights(cells, 4 * cells)[:resized], np.float32)


class _BoxWeights:
    """Bilinear weights along one axis for several boxes: pixels of the image from the cells of each box's grid.

    A pixel counts if its centre is inside the box; cells outside the grid are 0.
    """

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64], size: int, cells: int) -> None:
        usable = np.isfinite(low) & np.isfinite(high) & (high > low)
        low, high = np.where(usable, low, 0), np.where(usable, high, 1)
        self._first = np.clip(np.ceil(low - 0.5), 0, size).astype(np.int64)
        after = np.clip(np.floor(high - 0.5) + 1, 0, size).astype(np.int64)
        self._count = np.where(usable, np.maximum(after - self._first, 0), 0)
        self._end = np.cumsum(self._count)
        pixel = np.arange(self._end[-1]) - np.repeat(self._end - self._count - self._first, self._count)
        place = (pixel + 0.5 - np.repeat(low, self._count)) * np.repeat(cells / (high - low), self._count) - 0.5
        cell = np.floor(place)
        share = (place - cell).astype(np.float32)
        row, column = np.arange(len(place)), cell.astype(np.int64) + 1
        # one column of padding on each side receives the weights of cells outside the grid
        padded = np.zeros((len(place), cells + 2), np.float32)
        padded[row, column] = 1 - share
        padded[row, column + 1] = share
        self._weights = padded[:, 1:-1]

    def of(self, index: int) -> tuple[int, Floats]:
        """First pixel of a box, and the weights [pixels, cells] starting there."""
        end = self._end[index]
        return int(self._first[index]), self._weights[end - self._count[index] : end]


def _stretch_weights(cells: int, size: int) -> Floats:
    """Bilinear weights [size, cells] that stretch cells over pixels; the outermost cells reach to the border."""
    place = np.clip((np.arange(size) + 0.5) * (cells / size) - 0.5, 0, cells - 1)
    cell = np.minimum(np.floor(place).astype(np.int64), max(cells - 2, 0))
    share = (place - cell).astype(np.float32)
    weights = np.zeros((size, cells), np.float32)
    rows = np.arange(size)
    weights[rows, cell] = 1 - share
    weights[rows, np.minimum(cell + 1, cells - 1)] += share
    return weights


class _Covered(NamedTuple):
    """The pixels of a box along an axis.

    Attributes:
        first: The first one.
        cells: The cells that they are interpolated from; none where no pixel is in the box.
        weights: Weights [pixels, cells].
    """

    first: int
    cells: slice
    weights: Floats


def _covered(low: NDArray[np.float64], high: NDArray[np.float64], weights: Floats) -> Iterator[_Covered]:
    """For each box the pixels whose index lies in [low, high).

    Args:
        low: Lower edges of boxes [N].
        high: Upper edges [N].
        weights: Bilinear weights of the axis [pixels, cells].
    """
    usable = np.isfinite(low) & np.isfinite(high)
    firsts, ends = (
        np.clip(np.ceil(np.where(usable, side, 0)), 0, len(weights)).astype(np.int64).tolist() for side in (low, high)
    )
    used = weights != 0
    first_cells, end_cells = used.argmax(axis=1).tolist(), (used.shape[1] - used[:, ::-1].argmax(axis=1)).tolist()
    for first, end in zip(firsts, ends, strict=True):
        cells = slice(first_cells[first], end_cells[end - 1]) if first < end else slice(0)
        yield _Covered(first, cells, weights[first:end, cells])


def _around(flags: NDArray[np.bool_], margin: int = 1) -> slice:
    """The range from the first to the last set flag, extended by `margin` on each side."""
    places = np.flatnonzero(flags)
    return slice(max(int(places[0]) - margin, 0), int(places[-1]) + margin + 1)


def _moved(cells: slice, by: int, count: int) -> slice:
    """Cells of a crop as cells of the map, which has `count` of them."""
    return slice(cells.start + by, min(cells.stop + by, count))


def _reached(weights: Floats, cells: slice) -> tuple[int, int]:
    """First pixel that depends on these cells only, and the one after the last; both equal if there is none."""
    places = np.flatnonzero(weights[:, cells].sum(axis=1) > 1 - 1e-4)
    return (int(places[0]), int(places[-1]) + 1) if places.size else (0, 0)
