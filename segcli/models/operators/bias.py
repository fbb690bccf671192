"""Convolutions whose bias is added, and has its gradient, a map at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.host_memory import array_of, empty, tensor_of, without_warnings

FEWEST_VALUES = 1 << 14
"""Values of a result from which the sum with its bias is worth a call of Python."""


def add_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """Maps [N, C, H, W] and one value [C] for each of their channels; in training on a CPU it takes a tenth."""
    if bias is None:
        return x
    if x.size < FEWEST_VALUES or not operators.is_ours(x, bias):
        return x + bias.reshape([1, -1, 1, 1])
    out: Tensor = _AddBias.apply(x, bias)
    return out


class _AddBias(PyLayer):
    """Paddle looks up the channel of each value, forward and backward."""

    @staticmethod
    @without_warnings()
    def forward(_ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        return tensor_of(np.add(array_of(x), array_of(bias)[:, None, None], out=empty(x.shape)))

    @staticmethod
    @without_warnings()
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        # one axis after the other: NumPy adds neighbours in pairs, as precisely as Paddle
        return gradient, tensor_of(array_of(gradient.contiguous()).reshape(*gradient.shape[:2], -1).sum(2).sum(0))


class BiasedConv2D(nn.Conv2D):
    """A convolution whose bias is added by `add_bias`."""

    @staticmethod
    def suits(layer: nn.Conv2D) -> bool:
        """Whether it has a bias and maps in Paddle's usual order."""
        return layer.bias is not None and layer._padding_mode == "zeros" and layer._data_format == "NCHW"

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', H', W']."""
        if not operators.is_ours(self.weight, self.bias):
            plain: Tensor = nn.Conv2D.forward(self, x)
            return plain
        places = {"stride": self._stride, "padding": self._padding, "dilation": self._dilation}
        return add_bias(F.conv2d(x, self.weight, None, groups=self._groups, **places), self.bias)


class BiasedConv2DTranspose(nn.Conv2DTranspose):
    """A transposed convolution whose bias is added by `add_bias`."""

    @staticmethod
    def suits(layer: nn.Conv2DTranspose) -> bool:
        """Whether it has a bias and maps in Paddle's usual order."""
        return layer.bias is not None and layer._data_format == "NCHW"

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """[N, C, H, W] to [N, C', H', W']."""
        if output_size is not None or not operators.is_ours(self.weight, self.bias):
            plain: Tensor = nn.Conv2DTranspose.forward(self, x, output_size)
            return plain
        places = {"stride": self._stride, "padding": self._padding, "dilation": self._dilation}
        out = F.conv2d_transpose(
            x, self.weight, None, output_padding=self.output_padding, groups=self._groups, **places
        )
        return add_bias(out, self.bias)
