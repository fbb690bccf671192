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
from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings
from segcli.models.operators.bias import add_bias

LEAST_KERNEL = 10
"""Values of a kernel from which a convolution by it is faster than Paddle's; one of 3 x 3 is not."""
FEWEST_PRODUCTS = 1 << 13
"""Products per map from which a map is worth a call of OpenCV."""
_BAND_VALUES = 1 << 14
"""Values of one band of maps, which stay in the processor's cache."""


class DepthwiseConv2D(nn.Conv2D):
    """A convolution of each channel by itself; one of 5 x 5 px is about three times faster in training on a CPU.

    Paddle's visits one value after the other, and so do its gradients. With 3 x 3 px or a stride it would gain nothing.
    """

    @staticmethod
    def suits(layer: nn.Conv2D) -> bool:
        """Whether it has a large kernel for each channel, which is centred on what it computes."""
        sides = layer._kernel_size
        is_depthwise = layer._groups == layer._in_channels == layer._out_channels > 1
        is_plain = layer._padding_mode == "zeros" and layer._data_format == "NCHW"
        is_dense = layer._dilation == layer._stride == [1, 1] and math.prod(sides) >= LEAST_KERNEL
        is_centred = all(side % 2 for side in sides) and layer._updated_padding == [side // 2 for side in sides]
        return is_depthwise and is_plain and is_dense and is_centred and layer._padding_algorithm == "EXPLICIT"

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the same shape."""
        if not operators.is_ours(x, self.weight) or math.prod(x.shape[2:] + self._kernel_size) < FEWEST_PRODUCTS:
            plain: Tensor = nn.Conv2D.forward(self, x)
            return plain
        return add_bias(_Depthwise.apply(x, self.weight), self.bias)


class _Depthwise(PyLayer):
    @staticmethod
    @without_warnings()
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        return tensor_of(_correlated(array_of(x), array_of(weight)[:, 0]))

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        maps, weight = (array_of(one) for one in ctx.saved_tensor())
        given = array_of(gradient.contiguous())
        mirrored = np.ascontiguousarray(weight[:, 0, ::-1, ::-1])
        of_weight = _gradient_of_kernels(maps, given, weight.shape[2:])
        return tensor_of(_correlated(given, mirrored)), tensor_of(of_weight[:, None])


def _correlated(maps: FloatArray, kernels: FloatArray) -> FloatArray:
    """Maps [N, C, H, W], whose outside is 0, under the kernels [C, h, w] of their channels."""
    out = empty(maps.shape)
    for image, result in zip(maps, out, strict=True):
        for one, kernel, filtered in zip(image, kernels, result, strict=True):
            cv2.filter2D(one, -1, kernel, dst=filtered, borderType=cv2.BORDER_CONSTANT)
    return out


def _gradient_of_kernels(maps: FloatArray, given: FloatArray, sides: Sequence[int]) -> FloatArray:
    """The gradients [C, h, w] of kernels of `sides` h and w, by maps and the result's gradient [N, C, H, W].

    The values that a place in the kernel sees are the map with its margin as one row, from another start: with the same
    margin beside the result's gradient, the gradient of the place is the product of both rows.
    """
    (channels, height, width), (rows, columns) = maps.shape[1:], sides
    top, left, pitch = rows // 2, columns // 2, width + columns - 1
    length = height * pitch - (columns - 1)
    out = np.zeros((channels, rows, columns), np.float32)
    count = max(_BAND_VALUES // (height * width), 1)
    for start in range(0, channels, count):
        band = slice(start, start + count)
        for image, gradient in zip(maps[:, band], given[:, band], strict=True):
            padded = np.pad(image, ((0, 0), (top, top), (left, left))).reshape(len(image), 1, -1)
            factors = np.pad(gradient, ((0, 0), (0, 0), (0, columns - 1))).reshape(len(image), -1, 1)[:, :length]
            for row, column in np.ndindex(rows, columns):
                first = row * pitch + column
                out[band, row, column] += (padded[..., first : first + length] @ factors)[:, 0, 0]
    return out
