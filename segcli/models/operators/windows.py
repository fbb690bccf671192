"""Attention within windows of a map (Liu et al. 2021, "Swin Transformer"), computed where its values lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from paddle import Tensor
from paddle.autograd import PyLayer

from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings

Rows = NDArray[np.int64]

_CHUNK_VALUES = 1 << 17
"""Scores of so many windows at a time, which stay in the processor's cache."""


@lru_cache(maxsize=64)
def window_rows(height: int, width: int, size: int, shift: int) -> tuple[Rows, Rows]:
    """The pixels of a map in the order of its shifted windows [windows * size * size], and the inverse [H * W].

    -1 is a pixel of the zeros that complete the windows at the lower and right edge.
    """
    whole_height, whole_width = (-(-side // size) * size for side in (height, width))
    places = np.full((whole_height, whole_width), -1)
    places[:height, :width] = np.arange(height * width).reshape(height, width)
    shifted = np.roll(places, (-shift, -shift), (0, 1))
    rows = shifted.reshape(whole_height // size, size, whole_width // size, size).swapaxes(1, 2).ravel()
    inverse = np.empty(height * width, np.int64)
    inverse[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return rows, inverse


class MovedRows(PyLayer):
    """Rows [N, L, C] in the order of `rows` [M] of each image, [N, M, C]; -1 is a row of zeros.

    The gradient is in the order of `inverse` [L], which says where in `rows` each row is, -1 where it is not.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Rows, inverse: Rows) -> Tensor:
        """See the class."""
        ctx.inverse = inverse
        return tensor_of(_moved(x, rows))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The gradient of the rows."""
        return tensor_of(_moved(gradient, ctx.inverse))


def _moved(x: Tensor, rows: Rows) -> FloatArray:
    out = empty([x.shape[0], len(rows), *x.shape[2:]])
    array_of(x.contiguous()).take(rows, axis=1, out=out, mode="clip")
    out[:, rows < 0] = 0
    return out


@dataclass(frozen=True)
class WindowScores:
    """How scores are made of queries and keys.

    Attributes:
        index: Row of the table of biases for each pair of pixels of a window, [P * P].
        mask: What is added to the scores of each M windows in turn, [M, P, P]; None for nothing.
        scale: Factor of the queries.
    """

    index: Rows
    mask: FloatArray | None
    scale: float


class AttentionInWindows(PyLayer):
    """Attention of the pixels of windows to each other, of queries, keys and values [W, P, 3 * C] to [W, P, C].

    Heads are read and written where they are, without copies, and scores get bias and mask and become shares while
    they are in the processor's cache.
    """

    @staticmethod
    @without_warnings()
    def forward(ctx: Any, packed: Tensor, table: Tensor, scores_by: WindowScores) -> Tensor:
        """With biases of a table [B, heads]."""
        ctx.save_for_backward(packed)
        ctx.index, ctx.scale, ctx.biases = scores_by.index, np.float32(scores_by.scale), table.shape[0]
        heads, pixels = table.shape[1], packed.shape[1]
        query, key, value = _heads(array_of(packed.contiguous()), 3, heads)
        bias = array_of(table)[scores_by.index].T.reshape(heads, pixels, pixels)
        ctx.shares = np.empty((len(query), heads, pixels, pixels), np.float32)
        out = empty([len(query), pixels, packed.shape[2] // 3])
        (mixed,) = _heads(out, 1, heads)
        mask = scores_by.mask
        for part in _chunks(ctx.shares):
            scores = np.matmul(query[part] * ctx.scale, key[part].swapaxes(2, 3), out=ctx.shares[part])
            scores += bias
            if mask is not None:
                scores += mask[np.arange(part.start, part.stop) % len(mask), None]
            scores -= scores.max(3, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(3, keepdims=True)
            np.matmul(scores, value[part], out=mixed[part])
        return tensor_of(out)

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of the packed maps and of the table."""
        (packed,) = ctx.saved_tensor()
        heads = ctx.shares.shape[1]
        query, key, value = _heads(array_of(packed.contiguous()), 3, heads)
        (given,) = _heads(array_of(gradient.contiguous()), 1, heads)
        out = empty(packed.shape)
        of_query, of_key, of_value = _heads(out, 3, heads)
        of_bias = np.zeros(ctx.shares.shape[1:], np.float32)
        for part in _chunks(ctx.shares):
            shares = ctx.shares[part]
            np.matmul(shares.swapaxes(2, 3), given[part], out=of_value[part])
            scores = np.matmul(given[part], value[part].swapaxes(2, 3))
            scores -= np.einsum("whpq,whpq->whp", scores, shares)[..., None]
            scores *= shares
            of_bias += scores.sum(0)
            scores *= ctx.scale
            np.matmul(scores, key[part], out=of_query[part])
            np.matmul(scores.swapaxes(2, 3), query[part], out=of_key[part])
        by_head = [np.bincount(ctx.index, one.ravel(), ctx.biases) for one in of_bias]
        return tensor_of(out), tensor_of(np.stack(by_head, axis=1).astype(np.float32))


def _heads(packed: FloatArray, parts: int, heads: int) -> NDArray[np.float32]:
    """Views [parts, W, heads, P, c] of [W, P, parts * heads * c]."""
    windows, pixels, channels = packed.shape
    return packed.reshape(windows, pixels, parts, heads, channels // parts // heads).transpose(2, 0, 3, 1, 4)


def _chunks(scores: FloatArray) -> list[slice]:
    """Parts of the windows [W, ...] with about `_CHUNK_VALUES` scores each."""
    step = max(_CHUNK_VALUES // scores[0].size, 1)
    return [slice(start, min(start + step, len(scores))) for start in range(0, len(scores), step)]
