"""Small layers that the instance networks share.

Attribute names (``conv``, ``bn``, ``in_proj_weight``, ...) are those of PaddleDetection's layers, so that its weight
files load by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant, Normal, Uniform, XavierUniform
from paddle.regularizer import L2Decay


def silu(x: Tensor) -> Tensor:
    """``x * sigmoid(x)``, written out: paddle2onnx cannot convert the fused operator in opset 11."""
    return x * F.sigmoid(x)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "silu": silu, "swish": silu, "gelu": F.gelu}


def activation(name: str | None) -> Callable[[Tensor], Tensor] | None:
    """The function of that name; None for None.

    Raises:
        KeyError: The name is not one of relu, silu, swish, gelu.
    """
    return None if name is None else _ACTIVATIONS[name]


def no_decay(learning_rate: float = 1.0) -> Any:
    """Parameter attribute without weight decay, as the reference trains every normalisation layer."""
    return paddle.ParamAttr(regularizer=L2Decay(0.0), learning_rate=learning_rate)


def batch_norm(channels: int, *, learning_rate: float = 1.0, frozen: bool = False) -> Any:
    """BatchNorm2D without weight decay; ``frozen`` keeps its running statistics and affine parameters as they are."""
    if not frozen:
        return nn.BatchNorm2D(channels, weight_attr=no_decay(learning_rate), bias_attr=no_decay(learning_rate))
    still = paddle.ParamAttr(learning_rate=0.0, regularizer=L2Decay(0.0), trainable=False)
    still_too = paddle.ParamAttr(learning_rate=0.0, regularizer=L2Decay(0.0), trainable=False)
    return nn.BatchNorm2D(channels, weight_attr=still, bias_attr=still_too, use_global_stats=True)


def layer_norm(channels: int) -> Any:
    """LayerNorm without weight decay."""
    return nn.LayerNorm(channels, weight_attr=no_decay(), bias_attr=no_decay())


def linear(
    in_features: int, out_features: int, *, bias: float | None = None, xavier: bool = False, zero: bool = False
) -> Any:
    """Linear layer; weights uniform within 1/sqrt(fan in), Xavier's or zeros, bias uniform likewise or constant."""
    bound = 1 / math.sqrt(in_features)
    weight = Constant(0.0) if zero else XavierUniform() if xavier else Uniform(-bound, bound)
    return nn.Linear(
        in_features,
        out_features,
        weight_attr=paddle.ParamAttr(initializer=weight),
        bias_attr=paddle.ParamAttr(initializer=Uniform(-bound, bound) if bias is None else Constant(bias)),
    )


class ConvNormAct(nn.Layer):
    """Convolution without bias, BatchNorm, activation.

    Args:
        padding: Pixels or ``"SAME"``; by default half the kernel.
        learning_rate: Factor on the optimizer's learning rate.
        frozen_norm: Whether BatchNorm stays unchanged in training.
        initializer: Initializer of the convolution; Paddle's own (Kaiming normal) by default.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        groups: int = 1,
        act: str | None = None,
        padding: int | str | None = None,
        learning_rate: float = 1.0,
        frozen_norm: bool = False,
        initializer: Any = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=(kernel_size - 1) // 2 if padding is None else padding,
            groups=groups,
            weight_attr=paddle.ParamAttr(learning_rate=learning_rate, initializer=initializer),
            bias_attr=False,
        )
        self.bn = batch_norm(out_channels, learning_rate=learning_rate, frozen=frozen_norm)
        self._act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H', W']."""
        x = self.bn(self.conv(x))
        return x if self._act is None else self._act(x)


def silu_conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> ConvNormAct:
    """Convolution, BatchNorm, SiLU with the uniform initialisation of YOLOX's convolutions."""
    bound = 1 / math.sqrt(in_channels * kernel_size**2)
    return ConvNormAct(in_channels, out_channels, kernel_size, stride, act="silu", initializer=Uniform(-bound, bound))


def _without_norm(layer: ConvNormAct) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution equal to ``layer`` in evaluation mode, without its activation."""
    norm = layer.bn
    scale = norm.weight / paddle.sqrt(norm._variance + norm._epsilon)
    return layer.conv.weight * scale.reshape([-1, 1, 1, 1]), norm.bias - norm._mean * scale


class RepVGGBlock(nn.Layer):
    """Sum of a 3x3 and a 1x1 convolution with BatchNorm, then SiLU (Ding et al. 2021, without identity branch)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(channels, channels, 3)
        self.conv2 = ConvNormAct(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return silu(self.conv(x) if hasattr(self, "conv") else self.conv1(x) + self.conv2(x))

    def convert_to_deploy(self) -> None:
        """Fuses both branches into one 3x3 convolution, for export; the network cannot be trained afterwards."""
        if hasattr(self, "conv"):
            return
        kernel, bias = _without_norm(self.conv1)
        point, point_bias = _without_norm(self.conv2)
        self.conv = nn.Conv2D(kernel.shape[1], kernel.shape[0], 3, padding=1)
        self.conv.weight.set_value(kernel + F.pad(point, [1, 1, 1, 1]))
        self.conv.bias.set_value(bias + point_bias)
        del self.conv1, self.conv2


class MLP(nn.Layer):
    """``depth`` linear layers with ReLU between them.

    Args:
        zero_last: Whether the last layer starts at zero, so that it first predicts "no change".
        xavier: Whether weights are initialised by Xavier's rule instead of uniformly.
    """

    def __init__(
        self,
        in_features: int,
        hidden: int,
        out_features: int,
        depth: int,
        *,
        zero_last: bool = False,
        xavier: bool = False,
    ) -> None:
        super().__init__()
        widths = [in_features, *[hidden] * (depth - 1), out_features]
        *steps, (a, b) = pairwise(widths)
        hidden_layers = [linear(m, n, xavier=xavier) for m, n in steps]
        last = linear(a, b, bias=0.0, zero=True) if zero_last else linear(a, b, xavier=xavier)
        self.layers = nn.LayerList([*hidden_layers, last])

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        *hidden, last = list(self.layers)
        for layer in hidden:
            x = F.relu(layer(x))
        out: Tensor = last(x)
        return out


class SelfAttention(nn.Layer):
    """Multi-head attention of a sequence on itself (Vaswani et al. 2017, section 3.2).

    Queries and keys come from ``x + position``, values from ``x``.
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self._heads = num_heads
        self._head_channels = channels // num_heads
        self.in_proj_weight = self.create_parameter([channels, 3 * channels], default_initializer=XavierUniform())
        self.in_proj_bias = self.create_parameter([3 * channels], is_bias=True, default_initializer=Constant(0.0))
        self.out_proj = linear(channels, channels, bias=0.0, xavier=True)

    def _split_heads(self, x: Tensor) -> Tensor:
        """[B, N, C] -> [B, heads, N, C / heads]."""
        return x.reshape([0, 0, self._heads, self._head_channels]).transpose([0, 2, 1, 3])

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None = None) -> Tensor:
        """Computes the attention.

        Args:
            x: [B, N, C].
            position: [B or 1, N, C].
            mask: [N, N] float, added to the scores; None for none.

        Returns:
            [B, N, C].
        """
        channels = x.shape[-1]
        weight, bias = self.in_proj_weight, self.in_proj_bias
        query_key = F.linear(x + position, weight[:, : 2 * channels], bias[: 2 * channels])
        query = self._split_heads(query_key[:, :, :channels])
        key = self._split_heads(query_key[:, :, channels:])
        value = self._split_heads(F.linear(x, weight[:, 2 * channels :], bias[2 * channels :]))
        scores = paddle.matmul(query, key, transpose_y=True) * self._head_channels**-0.5
        if mask is not None:
            scores = scores + mask
        out = paddle.matmul(F.softmax(scores), value)
        result: Tensor = self.out_proj(out.transpose([0, 2, 1, 3]).reshape([0, 0, channels]))
        return result


class SqueezeAttention(nn.Layer):
    """Gates the channels by the global average, then a 1x1 convolution: the ESE block of PP-YOLOE (section 2.3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2D(channels, channels, 1, weight_attr=paddle.ParamAttr(initializer=Normal(0.0, 0.001)))
        self.conv = ConvNormAct(channels, channels, 1, act="swish")

    def forward(self, x: Tensor, average: Tensor) -> Tensor:
        """x [B, C, H, W] and its average [B, C, 1, 1] -> [B, C, H, W]."""
        out: Tensor = self.conv(x * F.sigmoid(self.fc(average)))
        return out
