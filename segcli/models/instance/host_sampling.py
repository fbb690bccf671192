"""Bilinear sampling on the CPU with NumPy and SciPy, at a half to a fifth of the time of Paddle's ``grid_sample``.

That one computes every step for all masks before the next step, so that each step reads and writes the main memory;
here a mask is finished while it is in the processor's cache. In an attention, a query is a weighted sum of rows of its
values: a product with a sparse matrix, whose transpose gives the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor
from paddle.autograd import PyLayer, PyLayerContext
from scipy.sparse import csr_array

from segcli.models.host_memory import FloatArray, are_trained, array_of, empty, tensor_of, without_warnings


class MaskSamples(PyLayer):
    """Values [M, P] of masks [N, h, w] at points [M, P, 2] (x, y in 0..1), which have no gradient.

    Row m of the points reads mask ``rows[m]``. The border of a mask fades to 0 within half a pixel.
    """

    @staticmethod
    def forward(ctx: PyLayerContext, masks: Tensor, points: Tensor, rows: NDArray[np.int64]) -> Tensor:
        """See the class."""
        ctx.save_for_backward(points)
        ctx.rows, ctx.shape = rows, tuple(masks.shape)
        maps, places = array_of(masks), array_of(points)
        values = empty(places.shape[:2])
        for row in np.unique(rows):
            padded = _padded(maps[row])
            for index in np.flatnonzero(rows == row):
                values[index] = _values(padded, _Places.of(places[index], *maps.shape[1:]))
        return tensor_of(values)

    @staticmethod
    @without_warnings()
    def backward(ctx: PyLayerContext, gradient: Tensor) -> Tensor:
        """The gradient of the masks."""
        (points,) = ctx.saved_tensor()
        height, width = ctx.shape[1:]
        places, given = array_of(points), array_of(gradient)
        out = empty(ctx.shape)
        out.fill(0)
        for place, values, row in zip(places, given, ctx.rows, strict=True):
            sums = _sums(values, _Places.of(place, height, width), (height + 2) * (width + 2))
            out[row] += sums.reshape(height + 2, width + 2)[1:-1, 1:-1]
        return tensor_of(out)


def at_shared_points(masks: Tensor, points: Tensor) -> Tensor:
    """Values of every mask [N, h, w] at the same points [P, 2], as [N, P]; no gradient."""
    maps = array_of(masks)
    places = _Places.of(array_of(points), *maps.shape[1:])
    return tensor_of(np.stack([_values(_padded(one), places) for one in maps]))


def random_points(sets: int, points: int) -> Iterator[FloatArray]:
    """Sets of random points [P, 2] in 0..1, each in the memory of the one before.

    Their generator is several times as fast as Paddle's, from which it has its seed.
    """
    seed = int(paddle.randint(0, np.iinfo(np.int32).max, [1]))
    generator = np.random.Generator(np.random.SFC64(seed))
    out = np.empty((points, 2), np.float32)
    for _ in range(sets):
        yield generator.random(dtype=np.float32, out=out)


def least_points(masks: Tensor, candidates: int, count: int) -> Tensor:
    """Of so many random points per mask [N, h, w], the `count` where its absolute value is least, [N, count, 2]."""
    maps = array_of(masks)
    chosen = empty([len(maps), count, 2])
    for index, (one, points) in enumerate(zip(maps, random_points(len(maps), candidates), strict=True)):
        values = _values(_padded(one), _Places.of(points, *one.shape))
        least = np.argpartition(np.abs(values, out=values), count - 1)[:count]
        points.take(least, axis=0, out=chosen[index], mode="clip")
    return tensor_of(chosen)


@dataclass(frozen=True)
class _Places:
    """Points between four pixels of a padded map.

    Attributes:
        first: Index of the upper left pixel, [P].
        right: Share of the right pixels, [P] float32.
        lower: Share of the lower pixels, [P] float32.
        stride: Pixels per row of the padded map.
    """

    first: NDArray[np.int64]
    right: FloatArray
    lower: FloatArray
    stride: int

    @classmethod
    def of(cls, points: FloatArray, height: int, width: int) -> _Places:
        """Those of points [P, 2] on a map of that size before padding."""
        left, right = _whole_and_part(points[:, 0], width)
        top, lower = _whole_and_part(points[:, 1], height)
        stride = width + 2
        top *= stride
        top += left
        top += stride + 1
        return cls(top, right, lower, stride)


def _whole_and_part(shares: FloatArray, length: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Shares 0 to 1 of a side of so many pixels, as the pixel whose centre is before it and the distance to that."""
    # the roundings of grid_sample, so that the same points have the same values to the last digits
    places = 2 * shares
    places -= 1
    places += 1
    places *= np.float32(0.5 * length)
    places -= np.float32(0.5)
    whole = np.floor(places)
    places -= whole
    return whole.astype(np.int64), places


def _padded(one: FloatArray) -> FloatArray:
    """A map [h, w] with a border of zeros, which points at the edge read, flattened."""
    height, width = one.shape
    out = np.zeros((height + 2, width + 2), np.float32)
    out[1:-1, 1:-1] = one
    return out.ravel()


def _values(padded: FloatArray, places: _Places) -> FloatArray:
    """The padded map at these places, [P]."""
    # no index is outside, but the default mode would test them all before it begins
    upper, upper_right, lower, lower_right = (
        padded[step:].take(places.first, mode="clip") for step in (0, 1, places.stride, places.stride + 1)
    )
    return _between(
        _between(upper, upper_right, places.right), _between(lower, lower_right, places.right), places.lower
    )


@without_warnings()
def _between(low: FloatArray, high: FloatArray, share: FloatArray) -> FloatArray:
    """Values a share of the way from `low` to `high`; changes both."""
    high -= low
    high *= share
    low += high
    return low


def _sums(values: FloatArray, places: _Places, pixels: int) -> NDArray[np.float64]:
    """The transpose of `_values`: values [P] added to their pixels of a padded map, by their shares."""
    below = values * places.lower
    above = values - below
    sums = np.zeros(pixels)
    for row, part in ((0, above), (places.stride, below)):
        right = part * places.right
        for step, share in ((row, part - right), (row + 1, right)):
            found = np.bincount(places.first, share, pixels - step)
            sums[step:] += found
    return sums


def _rows_of(weights: FloatArray, columns: NDArray[np.int32], width: int) -> Any:
    """The sparse matrix with the same number of entries [R, k] in each row."""
    starts = np.arange(0, weights.size + 1, weights.shape[1], dtype=np.int32)
    return csr_array((weights.ravel(), columns.ravel(), starts), shape=(len(weights), width))


class WeightedRows(PyLayer):
    """Sums of k rows of a table [L, c], with weights [R, k] and indices ``columns`` [R, k] (int32): [R, c]."""

    @staticmethod
    def forward(ctx: PyLayerContext, weights: Tensor, table: Tensor, columns: NDArray[np.int32]) -> Tensor:
        """See the class."""
        ctx.save_for_backward(weights, table)
        ctx.columns, ctx.trained = columns, are_trained(weights, table)
        values = array_of(table)
        return tensor_of(_rows_of(array_of(weights), columns, len(values)) @ values)

    @staticmethod
    def backward(ctx: PyLayerContext, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of weights and table."""
        weights, table = (array_of(one) for one in ctx.saved_tensor())
        given, columns = array_of(gradient), ctx.columns
        of_weights = of_table = None
        if ctx.trained[0]:
            of_weights = tensor_of(_products(table, columns, given))
        if ctx.trained[1]:
            of_table = tensor_of(_rows_of(weights, columns, len(table)).T @ given)
        return of_weights, of_table


def _products(table: FloatArray, columns: NDArray[np.int32], given: FloatArray) -> FloatArray:
    """Products [R, k] of the k rows of a table that each of the given rows [R, c] is a sum of, with that row."""
    out = empty(columns.shape)
    for start in range(0, len(given), _CHUNK):
        part = slice(start, start + _CHUNK)
        np.einsum("rkc,rc->rk", table[columns[part]], given[part], out=out[part])
    return out


_CHUNK = 256
"""Rows whose gathered values stay in the processor's cache."""
