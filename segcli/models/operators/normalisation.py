"""Layer normalisation whose gradient is computed in one pass over the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings

_BAND_VALUES = 1 << 16
"""Values of one band of rows, which stay in the processor's cache."""


class RowNorm(nn.LayerNorm):
    """Layer normalisation over the last axis, see `layer_norm`."""

    @staticmethod
    def suits(layer: nn.LayerNorm) -> bool:
        """Whether it has a weight and a bias and works on the last axis alone."""
        return layer.weight is not None and layer.bias is not None and len(layer._normalized_shape) == 1

    def forward(self, x: Tensor) -> Tensor:
        """[..., C] to the same shape."""
        return layer_norm(x, self.weight, self.bias, self._epsilon)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """`paddle.nn.functional.layer_norm` of rows [..., C]; in training on a CPU its gradient takes a third."""
    if operators.is_ours(x, weight, bias):
        out: Tensor = _RowNorm.apply(x, weight, bias, epsilon)
        return out
    return F.layer_norm(x, weight.shape, weight, bias, epsilon)


class _RowNorm(PyLayer):
    """Rows are normalised again for the gradient, which costs less than reading them from memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.epsilon = epsilon
        return F.layer_norm(x, weight.shape, weight, bias, epsilon)

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensor()
        channels = x.shape[-1]
        rows, given = (array_of(one.contiguous()).reshape(-1, channels) for one in (x, gradient))
        out, sums = empty(rows.shape), np.zeros((2, channels), np.float32)
        height = max(_BAND_VALUES // channels, 1)
        for start in range(0, len(rows), height):
            band = slice(start, start + height)
            sums += _write_gradient(out[band], rows[band], given[band], array_of(weight), ctx.epsilon)
        of_weight, of_bias = (tensor_of(one) for one in sums)
        return tensor_of(out.reshape(x.shape)), of_weight, of_bias


def _write_gradient(
    out: FloatArray, rows: FloatArray, given: FloatArray, weight: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray]:
    """Writes the gradient of rows [R, C], and returns those of weight and bias [C] (Ba et al. 2016, equation 3)."""
    channels = np.float32(rows.shape[1])
    # sums by products with vectors, which BLAS computes faster than NumPy its sums
    every, mean_weight = np.ones(len(rows), np.float32), weight / channels
    normal = rows - (rows @ np.full_like(weight, 1 / channels))[:, None]
    scale = 1 / np.sqrt(np.einsum("rc,rc->r", normal, normal) / channels + np.float32(epsilon))
    normal *= scale[:, None]
    products = given * normal
    np.multiply(given, weight, out=out)
    out -= (given @ mean_weight)[:, None]
    normal *= (products @ mean_weight)[:, None]
    out -= normal
    out *= scale[:, None]
    return every @ products, every @ given
