"""Layers shared by the parts of Segment Anything."""

from __future__ import annotations

from itertools import pairwise

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.operators.normalisation import layer_norm


class LayerNorm2D(nn.Layer):
    """Layer normalisation over the channels of an NCHW map."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = self.create_parameter([channels], default_initializer=nn.initializer.Constant(1.0))
        self.bias = self.create_parameter([channels], is_bias=True)
        self.epsilon = epsilon

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Normalises ``[B, C, H, W]`` float over C."""
        if paddle.in_dynamic_mode():
            # Paddle computes sums of different shapes 15 times slower; exported graphs keep the operators they had
            return self.of_rows(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2])
        centred = x - x.mean(axis=1, keepdim=True)
        variance = centred.square().mean(axis=1, keepdim=True)
        normal = centred / paddle.sqrt(variance + self.epsilon)
        return normal * self.weight.reshape([1, -1, 1, 1]) + self.bias.reshape([1, -1, 1, 1])

    def of_rows(self, x: paddle.Tensor) -> paddle.Tensor:
        """The same with the channels last, ``[B, H, W, C]``."""
        return layer_norm(x, self.weight, self.bias, self.epsilon)


class Neck(nn.Sequential):
    """Two convolutions that bring an encoder's last map to the prompt dimension."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2D(in_channels, out_channels, 1, bias_attr=False),
            LayerNorm2D(out_channels),
            nn.Conv2D(out_channels, out_channels, 3, padding=1, bias_attr=False),
            LayerNorm2D(out_channels),
        )


class FeedForward(nn.Layer):
    """Two linear layers with an activation between them."""

    def __init__(self, dim: int, hidden: int, activation: nn.Layer) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, dim)
        self.act = activation

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[..., dim]`` to ``[..., dim]``."""
        return self.lin2(self.act(self.lin1(x)))


class ReluStack(nn.Layer):
    """Linear layers with ReLU between them (the decoder's heads)."""

    def __init__(self, in_dim: int, hidden: int, out_dim: int, depth: int) -> None:
        super().__init__()
        widths = [in_dim, *[hidden] * (depth - 1), out_dim]
        self.layers = nn.LayerList([nn.Linear(a, b) for a, b in pairwise(widths)])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[..., in_dim]`` to ``[..., out_dim]``."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        out: paddle.Tensor = self.layers[-1](x)
        return out


def split_windows(x: paddle.Tensor, size: int) -> paddle.Tensor:
    """Cuts ``[B, H, W, C]`` into ``[B * windows, size, size, C]``, zero-padded at the right and bottom."""
    batch, height, width, channels = x.shape
    pad_h, pad_w = -height % size, -width % size
    if pad_h or pad_w:
        x = F.pad(x, [0, 0, 0, pad_h, 0, pad_w, 0, 0])
    rows, columns = (height + pad_h) // size, (width + pad_w) // size
    x = x.reshape([batch, rows, size, columns, size, channels]).transpose([0, 1, 3, 2, 4, 5])
    return x.reshape([-1, size, size, channels])


def join_windows(windows: paddle.Tensor, size: int, height: int, width: int) -> paddle.Tensor:
    """Undoes `split_windows`: ``[B * windows, size, size, C]`` to ``[B, H, W, C]``, the padding cut off."""
    rows, columns, channels = -(-height // size), -(-width // size), windows.shape[-1]
    x = windows.reshape([-1, rows, columns, size, size, channels]).transpose([0, 1, 3, 2, 4, 5])
    return x.reshape([-1, rows * size, columns * size, channels])[:, :height, :width]
