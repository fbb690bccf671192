"""Sums, convolutions and unit vectors that are quick in training on a CPU.

Paddle computes operations of different shapes 5 to 15 times slower than of equal ones, and the gradient of its norm
slower still. Exported graphs keep the usual operators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer, PyLayerContext

from segcli.models.host_memory import are_trained, array_of, empty, tensor_of, without_warnings
from segcli.models.operators.linear import AddRow

LEAST_SQUARE = 1e-24
"""Squared length below which a vector is divided by 1e-12 instead of its length, as in `F.normalize`."""


def add(x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """A sum of different shapes."""
    return spread(x, y.shape) + spread(y, x.shape) if paddle.in_dynamic_mode() else x + y


def spread(x: paddle.Tensor, shape: Sequence[int]) -> paddle.Tensor:
    """`x` copied to the shape that it has in a sum with that shape; `x` itself in exported graphs."""
    if not paddle.in_dynamic_mode():
        return x
    wanted = paddle.broadcast_shape(x.shape, shape)
    return x if x.shape == wanted else x.expand(wanted)


def unit_vectors(x: paddle.Tensor) -> paddle.Tensor:
    """``[B, C, ...]`` divided by its length over C."""
    if not paddle.in_dynamic_mode():
        return F.normalize(x, axis=1)
    length = x.square().sum(axis=1, keepdim=True).clip(min=LEAST_SQUARE).sqrt()
    return x * spread(1.0 / length, x.shape)


class OuterSum(PyLayer):
    """Sums ``[R, n, m]`` of each two values of rows ``[R, n]`` and ``[R, m]``, on the CPU."""

    @staticmethod
    @without_warnings()
    def forward(ctx: PyLayerContext, x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        ctx.trained = are_trained(x, y)
        return tensor_of(np.add(array_of(x)[:, :, None], array_of(y)[:, None], out=empty([*x.shape, y.shape[1]])))

    @staticmethod
    def backward(ctx: PyLayerContext, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of both."""
        given, sums = array_of(gradient), ("rnm->rn", "rnm->rm")
        return tuple(
            tensor_of(np.einsum(kept, given)) if is_trained else None
            for kept, is_trained in zip(sums, ctx.trained, strict=True)
        )


class Convolution(nn.Conv2D):
    """A convolution with bias."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', H', W']``."""
        if not paddle.in_dynamic_mode():
            traced: paddle.Tensor = super().forward(x)
            return traced
        out = F.conv2d(x, self.weight, stride=self._stride, padding=self._padding)
        return add(out, self.bias.reshape([1, -1, 1, 1]))


class Doubling(nn.Conv2DTranspose):
    """A transposed convolution with bias that doubles the size of a map."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 2, stride=2)

    def forward(self, x: paddle.Tensor, output_size: Sequence[int] | None = None) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', 2 * H, 2 * W]``."""
        if not paddle.in_dynamic_mode():
            traced: paddle.Tensor = super().forward(x, output_size)
            return traced
        out = F.conv2d_transpose(x, self.weight, stride=2)
        return add(out, self.bias.reshape([1, -1, 1, 1]))

    def of_rows(self, x: paddle.Tensor) -> paddle.Tensor:
        """The same with the channels last, ``[B, H, W, C]`` to ``[B, 2 * H, 2 * W, C']``, as a product of matrices.

        Paddle moves the products value by value; here the two pixels of a row lie beside each other already.
        """
        batch, height, width, channels = x.shape
        kernels = self.weight.transpose([0, 2, 3, 1]).reshape([channels, -1])
        pixels = AddRow.apply(paddle.matmul(x, kernels), self.bias.tile([4]))
        placed = pixels.reshape([batch, height, width, 2, 2, -1]).transpose([0, 1, 3, 2, 4, 5])
        out: paddle.Tensor = placed.reshape([batch, 2 * height, 2 * width, -1])
        return out
