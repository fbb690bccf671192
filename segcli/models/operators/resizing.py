"""Resizing of maps: bilinear as two products of matrices, enlargement by the nearest value as copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.host_memory import array_of, is_traced, tensor_of, without_warnings

MOST_PRODUCTS = 160
"""Products per pixel of the result up to which the matrices, most of which is zero, are at least twice as fast."""
MOST_TIMES = 40
"""Most repetitions of a row: Paddle computes in float32 where a row comes from, at 41 times the row before for some."""
_OPTIONS = {"scale_factor", "mode", "align_corners", "align_mode", "data_format"}


@paddle.jit.not_to_static
def interpolate(x: Tensor, size: Any = None, *args: Any, **options: Any) -> Tensor:
    """`paddle.nn.functional.interpolate`; maps [N, C, H, W] that are enlarged in training take a quarter to a tenth.

    Paddle's gradients visit one pixel after the other: bilinear resizing takes 4.4 times as long for 19 classes that
    are enlarged from 64 to 512 px, nearest enlargement 9 times. Values differ by rounding.
    """
    if is_traced():  # first: what follows would end the graph
        return F.interpolate(x, size, *args, **options)
    given = {name: value for name, value in options.items() if value is not None}
    is_known = not args and given.keys() <= _OPTIONS and not given.get("align_mode")
    if not is_known or given.get("data_format", "NCHW") != "NCHW" or x.ndim != 4 or not operators.is_ours(x):
        return F.interpolate(x, size, *args, **options)
    sides, mode = _sides(x, size, given), given.get("mode", "nearest")
    if sides is not None and mode == "bilinear":
        height, width = sides
        if x.shape[2] * (1 + x.shape[3] / height) <= MOST_PRODUCTS:
            is_aligned = bool(given.get("align_corners", False))
            by_column = paddle.matmul(x, _weights(x.shape[3], width, is_aligned), transpose_y=True)
            return paddle.matmul(_weights(x.shape[2], height, is_aligned), by_column)
    elif sides is not None and mode == "nearest" and not given.get("align_corners"):
        times = _times(x.shape[2:], sides)
        if times is not None:
            out: Tensor = _Repeated.apply(x, *times)
            return out
    return F.interpolate(x, size, **options)


def _sides(x: Tensor, size: Any, options: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of the result; None where they do not follow from the factor exactly, or both are given."""
    if size is not None and "scale_factor" not in options:
        height, width = (int(side) for side in size)
        return height, width
    factor = options.get("scale_factor")
    if size is not None or not isinstance(factor, int | float) or any(factor * side % 1 for side in x.shape[2:]):
        return None
    return int(factor * x.shape[2]), int(factor * x.shape[3])


def _times(before: Sequence[int], after: Sequence[int]) -> list[int] | None:
    """How many times rows and columns are repeated; None where not equally often, or too often for `MOST_TIMES`."""
    times = [target // max(source, 1) for source, target in zip(before, after, strict=True)]
    is_whole = [source * count for source, count in zip(before, times, strict=True)] == list(after)
    return times if is_whole and min(times) > 0 and max(times) <= MOST_TIMES else None


@lru_cache(maxsize=64)
def _weights(source: int, target: int, is_aligned: bool) -> Tensor:
    """The share of each of `source` rows in each of `target` rows, [target, source]: Paddle's, of an identity."""
    with paddle.no_grad():
        rows = paddle.eye(source).reshape([1, 1, source, source])
        resized = F.interpolate(rows, [target, source], mode="bilinear", align_corners=is_aligned)
        return resized.reshape([target, source])


class _Repeated(PyLayer):
    """Each value of maps repeated so many times per column and per row."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: int, across: int) -> Tensor:
        ctx.down, ctx.across = down, across
        return tensor_of(np.repeat(np.repeat(array_of(x), across, axis=3), down, axis=2))

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        images, channels, height, width = gradient.shape
        rows = array_of(gradient.contiguous()).reshape(-1, ctx.down, width)
        summed = reduce(np.add, (rows[:, row] for row in range(ctx.down)))
        whole = reduce(np.add, (summed[:, column :: ctx.across] for column in range(ctx.across)))
        return tensor_of(whole.reshape(images, channels, height // ctx.down, width // ctx.across))


class Resized(nn.Upsample):
    """The layer of `interpolate`."""

    @staticmethod
    def suits(_layer: nn.Upsample) -> bool:
        """Always: what it does not compute is Paddle's."""
        return True

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C, H', W']."""
        if is_traced():
            plain: Tensor = nn.Upsample.forward(self, x)
            return plain
        kind = {"mode": self.mode, "align_corners": self.align_corners, "align_mode": self.align_mode}
        return interpolate(x, self.size, scale_factor=self.scale_factor, data_format=self.data_format, **kind)
