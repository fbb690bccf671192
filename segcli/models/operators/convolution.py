"""Convolutions by kernels of oneDNN."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.cpu import is_of_intel, wants_paddles_convolutions
from segcli.models.host_memory import are_trained, array_of, is_on_host, is_traced, tensor_of, without_warnings
from segcli.models.operators import onednn
from segcli.models.operators.bias import BiasedConv2D, add_bias
from segcli.models.operators.onednn import Pair

FEWEST_COPIES = 1 << 19
"""Values that Paddle would copy, one for each place of a kernel, from which oneDNN is worth what it does besides."""
FEWEST_OF_SINGLE = 1 << 16
"""The same of a kernel for each channel, in which Paddle is slower."""
_COLOURS = 3
"""Channels of an input up to which it has kernels that take them as they are."""


class DirectConv2D(BiasedConv2D):
    """A convolution that reads each value where it is.

    Paddle copies each value to the places in which the kernel sees it, and multiplies the copies; with a kernel for
    each channel it visits one value after the other. On a CPU that takes longer, with gradients and without.
    """

    @staticmethod
    def suits(layer: nn.Conv2D) -> bool:
        """Whether oneDNN computes it faster: kernels that overlap, over all channels or one each."""
        sides = layer._kernel_size
        is_plain = layer._padding_mode == "zeros" and layer._data_format == "NCHW"
        if layer._groups > 1:
            has_gain = layer._groups == layer._in_channels == layer._out_channels
        else:
            has_gain = _waste(layer._in_channels, layer._out_channels) <= _most_waste()
        overlaps = any(side > step for side, step in zip(sides, layer._stride, strict=True))
        return is_plain and overlaps and has_gain and onednn.is_there()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', H', W']."""
        made = None
        is_ours = not is_traced() and not wants_paddles_convolutions()
        if is_ours and is_on_host(x) and is_on_host(self.weight) and x.ndim == 4:
            made = self._made(x)
        if made is None:
            plain: Tensor = nn.Conv2D.forward(self, x) if self.bias is None else super().forward(x)
            return plain
        if paddle.is_grad_enabled():
            return add_bias(_Convolution.apply(x, self.weight, made), self.bias)
        return _without_gradients(x, self.weight, self.bias, made)

    def _made(self, x: Tensor) -> onednn.ForwardConvolution | None:
        """What computes it, and its gradients if they are enabled; None where it is not worth it, or cannot be."""
        shape, weight = tuple(x.shape), tuple(self.weight.shape)
        stride, dilation = _pair(self._stride), _pair(self._dilation)
        if self._padding_algorithm == "SAME":  # at which Paddle leaves the dilation out
            dilation = (1, 1)
            places = zip(shape[2:], weight[2:], stride, strict=True)
            total = [max((-(-side // step) - 1) * step + kernel - side, 0) for side, kernel, step in places]
            before, after = _pair(zero // 2 for zero in total), _pair(zero - zero // 2 for zero in total)
        elif len(self._updated_padding) == len(stride):
            before = after = _pair(self._updated_padding)
        else:  # above, below, left, right
            before, after = _pair(self._updated_padding[::2]), _pair(self._updated_padding[1::2])
        moves = stride, dilation, before, after
        height, width = onednn.result_shape(shape, weight, moves)[2:]
        places = max(height, 0) * max(width, 0) * prod(weight[2:])
        if prod(shape[:2]) * places < (FEWEST_COPIES if self._groups == 1 else FEWEST_OF_SINGLE):
            return None
        make = onednn.convolution if paddle.is_grad_enabled() else onednn.forward_convolution
        return make(shape, weight, moves, self._groups)


def _waste(inputs: int, outputs: int) -> float:
    """What oneDNN computes for so many channels, in relation to what is wanted."""
    whole = [-(-count // onednn.LANES) * onednn.LANES for count in (inputs, outputs)]
    if inputs <= _COLOURS:
        whole[0] = inputs
    return prod(whole) / (inputs * outputs)


@cache
def _most_waste() -> float:
    """The waste up to which oneDNN is faster, by measurements on a Cascade Lake (18 to 18 channels) and on an EPYC."""
    return 3.17 if is_of_intel() else 1.5


def _pair(values: Iterable[int]) -> Pair:
    down, right = values
    return down, right


@without_warnings()
def _without_gradients(x: Tensor, weight: Tensor, bias: Tensor | None, made: onednn.ForwardConvolution) -> Tensor:
    out = made.forward(array_of(x.contiguous()), array_of(weight.contiguous()))
    if bias is not None:
        out += array_of(bias)[:, None, None]
    return tensor_of(out)


class _Convolution(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, made: onednn.Convolution) -> Tensor:
        x, weight = x.contiguous(), weight.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.made, ctx.trained = made, are_trained(x, weight)
        return tensor_of(made.forward(array_of(x), array_of(weight)))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = (array_of(one) for one in ctx.saved_tensor())
        given, made = array_of(gradient.contiguous()), ctx.made
        of_x = tensor_of(made.of_input(given, weight)) if ctx.trained[0] else None
        of_weight = tensor_of(made.of_weight(given, x).reshape(weight.shape)) if ctx.trained[1] else None
        return of_x, of_weight
