"""Convolutions to fewer channels: products first, then moved to their places."""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.operators.bias import add_bias

FEWEST_VALUES = 1 << 16
"""Values per image of an input from which the rearranged kernels cost less than they save."""


class NarrowingConv2D(nn.Conv2D):
    """A convolution to at most half of the channels, which in training on a CPU moves the fewer of its values.

    Paddle copies each input value to the places in which the kernel sees it, and multiplies the copies; for maps of
    64 x 64 their rows are a power of two apart, at which the product runs at half of its speed. Here the input is
    multiplied as it is, and the products, of fewer channels, are moved and added. Both gradients are products of
    copies of the output's gradient, which has fewer channels too.
    """

    @staticmethod
    def suits(layer: nn.Conv2D) -> bool:
        """Whether it is a convolution to at most half of the channels that keeps the size of maps."""
        if layer._padding_mode != "zeros" or layer._data_format != "NCHW":
            return False
        if layer._padding_algorithm == "SAME":  # at which Paddle leaves the dilation out
            keeps_size = layer._dilation == [1, 1]
        else:
            keeps_size = layer._updated_padding == _padding(layer)
        is_narrow = max(layer._kernel_size) > 1 and 2 * layer._out_channels <= layer._in_channels
        is_plain = layer._stride == [1, 1] and layer._groups == 1 and all(side % 2 for side in layer._kernel_size)
        return keeps_size and is_narrow and is_plain

    def forward(self, x: Tensor) -> Tensor:
        """[N, in channels, H, W] to [N, out channels, H, W]."""
        if not operators.is_ours(x, self.weight) or x.ndim != 4 or x.size < max(len(x), 1) * FEWEST_VALUES:
            plain: Tensor = nn.Conv2D.forward(self, x)
            return plain
        return add_bias(_Narrowing.apply(x, self.weight, _padding(self), self._dilation), self.bias)


def _padding(layer: nn.Layer) -> list[int]:
    """The padding that keeps the size of maps."""
    return [rate * (side - 1) // 2 for side, rate in zip(layer._kernel_size, layer._dilation, strict=True)]


class _Narrowing(PyLayer):
    """One image after the other: the moved values of one are several times as large as its maps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: list[int], dilation: list[int]) -> Tensor:
        ctx.places = {"kernel_sizes": weight.shape[2:], "paddings": padding, "dilations": dilation}
        ctx.shape = weight.shape
        rows = _mirrored(weight.flatten(2).transpose([0, 2, 1])).flatten(0, 1)
        ctx.save_for_backward(x, rows)
        images = x.flatten(2).split(len(x))
        return paddle.concat([F.fold(paddle.matmul(rows, image), x.shape[2:], **ctx.places) for image in images])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, rows = ctx.saved_tensor()
        outputs, inputs = ctx.shape[:2]
        of_rows, of_images = paddle.zeros_like(rows), []
        for image, part in zip(x.flatten(2).split(len(x)), gradient.split(len(x)), strict=True):
            copies = F.unfold(part, **ctx.places)
            of_images.append(paddle.matmul(rows, copies, transpose_x=True))
            of_rows += paddle.matmul(copies, image, transpose_y=True).squeeze(0)
        of_weight = _mirrored(of_rows.reshape([outputs, -1, inputs])).transpose([0, 2, 1]).contiguous()
        return paddle.concat(of_images).reshape(x.shape), of_weight.reshape(ctx.shape)


def _mirrored(kernels: Tensor) -> Tensor:
    """Kernels [out channels, places, in channels] with their places in reverse."""
    return paddle.index_select(kernels, paddle.arange(kernels.shape[1] - 1, -1, -1), axis=1)
