"""Convolutions of each channel by itself: OpenCV's filters, and products of rows for the kernels' gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.host_memory import FloatArray, array_of, tensor_of, without_warnings
from segcli.models.operators.bias import add_bias

FEWEST_PRODUCTS = 1 << 13
"""Products per map from which a map is worth a call of OpenCV."""
_BAND_VALUES = 1 << 14
"""Values of one band of maps, which stay in the processor's cache."""


class DepthwiseConv2D(nn.Conv2D):
    """A convolution of each channel by itself; in training on a CPU kernels of 5 x 5 px take a third of the time.

    Paddle's visits one value after the other, and so do its gradients. Kernels of 3 x 3 px gain little.
    """

    @staticmethod
    def suits(layer: nn.Conv2D) -> bool:
        """Whether it has a kernel for each channel, which is centred on what it computes."""
        sides = layer._kernel_size
        is_depthwise = layer._groups == layer._in_channels == layer._out_channels > 1
        is_plain = layer._padding_mode == "zeros" and layer._data_format == "NCHW" and layer._dilation == [1, 1]
        is_centred = all(side % 2 for side in sides) and layer._updated_padding == [side // 2 for side in sides]
        return is_depthwise and is_plain and is_centred and layer._padding_algorithm == "EXPLICIT"

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C, ceil(H / stride), ceil(W / stride)]."""
        if not operators.is_ours(x, self.weight) or math.prod(x.shape[2:] + self._kernel_size) < FEWEST_PRODUCTS:
            plain: Tensor = nn.Conv2D.forward(self, x)
            return plain
        return add_bias(_Depthwise.apply(x, self.weight, tuple(self._stride)), self.bias)


class _Depthwise(PyLayer):
    """Computed at stride 1; of a larger stride every other value is left out, and has no gradient."""

    @staticmethod
    @without_warnings()
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        ctx.kept = np.s_[..., :: stride[0], :: stride[1]]
        return tensor_of(_correlated(array_of(x), array_of(weight)[:, 0])[ctx.kept])

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        maps, weight = (array_of(one) for one in ctx.saved_tensor())
        given, spread = array_of(gradient), np.zeros_like(maps)
        spread[ctx.kept] = given
        mirrored = np.ascontiguousarray(weight[:, 0, ::-1, ::-1])
        of_weight = _gradient_of_kernels(maps, given, weight.shape[2:], ctx.stride)
        return tensor_of(_correlated(spread, mirrored)), tensor_of(of_weight[:, None])


def _correlated(maps: FloatArray, kernels: FloatArray) -> FloatArray:
    """Maps [N, C, H, W], whose outside is 0, under the kernels [C, h, w] of their channels."""
    out = np.empty_like(maps)
    for image, result in zip(maps, out, strict=True):
        for one, kernel, filtered in zip(image, kernels, result, strict=True):
            cv2.filter2D(one, -1, kernel, dst=filtered, borderType=cv2.BORDER_CONSTANT)
    return out


def _gradient_of_kernels(
    maps: FloatArray, given: FloatArray, sides: Sequence[int], stride: Sequence[int]
) -> FloatArray:
    """The gradients [C, h, w] of kernels of `sides` h and w.

    The values that a place in the kernel sees are one row of a phase of the map, from another start: with the same
    margin beside the result's gradient, the gradient of the place is the product of both rows.

    Args:
        maps: [N, C, H, W].
        given: The result's gradient [N, C, H', W'].
        sides: Of the kernels.
        stride: Rows and columns between two values of the result; there are as many phases.
    """
    (channels, height, width), (tall, wide) = maps.shape[1:], given.shape[2:]
    (rows, columns), (down, across) = sides, stride
    lines, pitch = -(-(height + rows - 1) // down), -(-(width + columns - 1) // across)
    top, left, length = rows // 2, columns // 2, (tall - 1) * pitch + wide
    margins = ((0, 0), (top, lines * down - height - top), (left, pitch * across - width - left))
    out = np.zeros((channels, rows, columns), np.float32)
    count = max(_BAND_VALUES // (height * width), 1)
    for start in range(0, channels, count):
        band = slice(start, start + count)
        for image, gradient in zip(maps[:, band], given[:, band], strict=True):
            phases = np.pad(image, margins).reshape(-1, lines, down, pitch, across).transpose(2, 4, 0, 1, 3)
            phases = np.ascontiguousarray(phases).reshape(down, across, len(image), 1, -1)
            factors = np.pad(gradient, ((0, 0), (0, 0), (0, pitch - wide))).reshape(len(image), -1, 1)[:, :length]
            for row, column in np.ndindex(rows, columns):
                first = row // down * pitch + column // across
                seen = phases[row % down, column % across, ..., first : first + length]
                out[band, row, column] += (seen @ factors)[:, 0, 0]
    return out
