"""Features of boxes (RoIAlign) as a product with a sparse matrix, whose transpose gives the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from paddle import Tensor
from paddle.autograd import PyLayer
from scipy.sparse import coo_array, csr_array

from segcli.models.host_memory import FloatArray, array_of, tensor_of, without_warnings

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class PlacedBoxes:
    """Boxes on feature maps of several sizes.

    Attributes:
        corners: Left, top, right, bottom in pixels of the image, [R, 4] float32.
        images: Index of the image of each box in its batch, [R].
        levels: Index of the map of each box, [R].
        scales: Pixels of each map per pixel of the image.
    """

    corners: FloatArray
    images: IntArray
    levels: IntArray
    scales: Sequence[float]


class RoiAlign(PyLayer):
    """`paddle.vision.ops.roi_align` (aligned, as many samples as pixels) of boxes on several maps at once.

    Paddle visits every sample of every channel, and computes its place again for the gradient. A bin is the same
    weighted sum of pixels in all channels, so that rows of channels are added here.

    The gradient is the derivative of the features for every box. Paddle's on a CPU (3.3.1, `roi_align_grad`) is not for
    boxes narrower or lower than a pixel of their map: it enlarges them to one, where `aligned` is set too, and its
    features and its gradient on GPUs do not. Features of an empty box are 0 here, not a number in Paddle.
    """

    @staticmethod
    def forward(ctx: Any, boxes: PlacedBoxes, cells: int, *maps: Tensor) -> Tensor:
        """Features [R, C, cells, cells] of R boxes on the maps [N, C, H, W] of each level."""
        ctx.shapes = [tuple(one.shape) for one in maps]
        ctx.matrix = _matrix(boxes, cells, ctx.shapes)
        table = np.concatenate([_rows(array_of(one.contiguous())) for one in maps])
        return tensor_of(_maps(ctx.matrix @ table, (len(boxes.corners), table.shape[1], cells, cells)))

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """The gradients of the maps."""
        table = ctx.matrix.T @ _rows(array_of(gradient.contiguous()))
        ends = np.cumsum([images * height * width for images, _, height, width in ctx.shapes])[:-1]
        parts = zip(np.split(table, ends), ctx.shapes, strict=True)
        return tuple(tensor_of(_maps(rows, shape)) for rows, shape in parts)


def _rows(maps: FloatArray) -> FloatArray:
    """Maps [N, C, H, W] as a row of channels per pixel, [N * H * W, C]."""
    images, channels, height, width = maps.shape
    by_pixel = maps.reshape(images, channels, height * width).swapaxes(1, 2)
    return np.ascontiguousarray(by_pixel).reshape(images * height * width, channels)


def _maps(rows: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The inverse of `_rows`."""
    images, channels, height, width = shape
    return np.ascontiguousarray(rows.reshape(images, height * width, channels).swapaxes(1, 2)).reshape(shape)


def _matrix(boxes: PlacedBoxes, cells: int, shapes: Sequence[tuple[int, ...]]) -> Any:
    """The share of each pixel of all maps in each bin of each box, sparse [R * cells * cells, pixels]."""
    sizes = np.array([(height, width) for _, _, height, width in shapes])
    pixels = np.array([images for images, *_ in shapes]) * sizes.prod(1)
    firsts = np.cumsum(pixels) - pixels
    of_boxes = sizes[boxes.levels]
    first = firsts[boxes.levels] + boxes.images * of_boxes.prod(1)
    scales = np.array(boxes.scales, np.float32)[boxes.levels]
    left, top, right, bottom = (boxes.corners * scales[:, None] - np.float32(0.5)).T
    rows, columns = _shares(top, bottom, of_boxes[:, 0], cells), _shares(left, right, of_boxes[:, 1], cells)
    box, row, column = (one.ravel() for one in np.indices((len(boxes.corners), cells, cells)))
    row += box * cells
    column += box * cells
    heights, widths = np.diff(rows.indptr)[row], np.diff(columns.indptr)[column]
    counts = heights * widths
    starts = np.append(0, np.cumsum(counts)).astype(np.int32)
    # every pixel of a bin in turn: its place among the rows and among the columns of that bin
    in_bin = np.arange(starts[-1], dtype=np.int32) - np.repeat(starts[:-1], counts)
    vertical, horizontal = np.divmod(in_bin, np.repeat(widths, counts))
    vertical += np.repeat(rows.indptr[row], counts)
    horizontal += np.repeat(columns.indptr[column], counts)
    places = rows.indices[vertical] * np.repeat(of_boxes[box, 1], counts) + columns.indices[horizontal]
    places += np.repeat(first[box], counts)
    shares = rows.data[vertical] * columns.data[horizontal]
    return csr_array((shares, places.astype(np.int32), starts), shape=(len(box), int(pixels.sum())))


def _shares(low: FloatArray, high: FloatArray, sides: IntArray, cells: int) -> Any:
    """The share of each row (or column) of a map in each bin of each box, sparse [R * cells, longest side]."""
    # in the order and the precision of Paddle: the number of samples would jump at another rounding
    bins = (high - low) / np.float32(cells)
    counts = np.ceil(np.nan_to_num(bins, posinf=0, neginf=0).clip(0)).astype(np.int64)
    box = np.repeat(np.arange(len(low)), counts * cells)
    starts = np.cumsum(counts * cells) - counts * cells
    cell, sample = np.divmod(np.arange(len(box)) - starts[box], counts[box])
    width = bins[box]
    place = low[box] + cell.astype(np.float32) * width
    place += (sample.astype(np.float32) + np.float32(0.5)) * width / counts[box].astype(np.float32)
    side = sides[box]
    seen = (place >= -1) & (place <= side)
    place = np.maximum(place, 0)
    whole = np.minimum(place.astype(np.int64), side - 1)
    part = np.where(whole == side - 1, 0, place - whole).astype(np.float32)
    share = seen / counts[box].astype(np.float32)
    values = np.concatenate([(1 - part) * share, part * share])
    following = np.minimum(whole + 1, side - 1)
    indices = np.tile(box * cells + cell, 2), np.concatenate([whole, following])
    kept = values != 0
    shape = len(low) * cells, int(sides.max(initial=1))
    return coo_array((values[kept], tuple(one[kept] for one in indices)), shape=shape).tocsr()
