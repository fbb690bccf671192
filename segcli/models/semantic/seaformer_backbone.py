"""The backbone of SeaFormer (Wan et al. 2023, "SeaFormer: Squeeze-enhanced Axial Transformer for Mobile Semantic
Segmentation", https://arxiv.org/abs/2301.13156).

PaddleSeg's PyPI release lacks it. Parameter names and shapes are those of PaddleSeg's development branch, so that the
official weights load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

DETAIL_STAGE = 1
"""Index of the stage whose output (1/8 of the image) goes to the head, besides those of the transformers."""


@dataclass(frozen=True)
class Bottleneck:
    """One inverted residual of MobileNetV2: kernel side, expansion of the width, output channels, stride."""

    kernel: int
    expansion: int
    channels: int
    stride: int


@dataclass(frozen=True)
class SeaFormerSize:
    """One size of the network.

    Attributes:
        stem_channels: Output channels of the first convolution.
        stages: The bottlenecks of each stage.
        depths: Transformer blocks after each of the last ``len(depths)`` stages.
        key_dims: Channels of each head's keys, per transformer.
        mlp_ratios: Expansion of the feed-forward part, per transformer.
        num_heads: Attention heads.
        drop_path: Largest share of dropped residual branches; grows linearly within a transformer.
    """

    stem_channels: int
    stages: tuple[tuple[Bottleneck, ...], ...]
    depths: tuple[int, ...]
    key_dims: tuple[int, ...] = (16, 24)
    mlp_ratios: tuple[int, ...] = (2, 4)
    num_heads: int = 8
    drop_path: float = 0.1


def initial_weight(kernel: int, out_channels: int, groups: int = 1) -> Any:
    """Normal weights of deviation sqrt(2 / fan_out) (He et al. 2015)."""
    fan_out = kernel * kernel * out_channels // groups
    return nn.initializer.Normal(std=math.sqrt(2.0 / fan_out))


def _batch_norm(channels: int) -> Any:
    """Batch normalisation; on several GPUs its statistics are synchronised, as in PaddleSeg."""
    is_shared = paddle.distributed.get_world_size() > 1 and paddle.get_device().startswith("gpu")
    return nn.SyncBatchNorm(channels) if is_shared else nn.BatchNorm2D(channels)


class ConvBN(nn.Layer):
    """Convolution without bias, padded to keep the size at stride 1, then batch normalisation."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self._conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=kernel // 2,
            groups=groups,
            weight_attr=paddle.ParamAttr(initializer=initial_weight(kernel, out_channels, groups)),
            bias_attr=False,
        )
        self._batch_norm = _batch_norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H / stride, W / stride]."""
        result: Tensor = self._batch_norm(self._conv(x))
        return result


class InvertedResidual(nn.Layer):
    """A bottleneck with a residual connection where the shape allows it."""

    def __init__(self, in_channels: int, spec: Bottleneck) -> None:
        super().__init__()
        hidden = in_channels * spec.expansion
        layers = [] if spec.expansion == 1 else [ConvBN(in_channels, hidden), nn.ReLU()]
        layers += [ConvBN(hidden, hidden, spec.kernel, stride=spec.stride, groups=hidden), nn.ReLU()]
        self.conv = nn.Sequential(*layers, ConvBN(hidden, spec.channels))
        self.is_residual = spec.stride == 1 and in_channels == spec.channels

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H / stride, W / stride]."""
        return x + self.conv(x) if self.is_residual else self.conv(x)


class Stage(nn.Layer):
    """Bottlenecks one after the other; the first stage begins with the stem."""

    def __init__(self, in_channels: int, specs: tuple[Bottleneck, ...], *, has_stem: bool) -> None:
        super().__init__()
        self.stem_block = nn.Sequential(ConvBN(3, in_channels, 3, stride=2), nn.ReLU()) if has_stem else None
        self.layer_names = [f"layer{number}" for number in range(1, len(specs) + 1)]
        for name, spec in zip(self.layer_names, specs, strict=True):
            self.add_sublayer(name, InvertedResidual(in_channels, spec))
            in_channels = spec.channels

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H / strides, W / strides]."""
        if self.stem_block is not None:
            x = self.stem_block(x)
        for name in self.layer_names:
            x = getattr(self, name)(x)
        return x


class AxialPosition(nn.Layer):
    """A learned embedding of 16 positions along one axis, stretched to the axis' length."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pos_embed = self.create_parameter([1, channels, 16], default_initializer=nn.initializer.Normal())

    def forward(self, x: Tensor) -> Tensor:
        """Adds the embedding to [N, channels, length]."""
        size = [x.shape[2]]
        return x + F.interpolate(self.pos_embed, size, mode="linear", align_corners=False, data_format="NCW")


class SeaAttention(nn.Layer):
    """Squeeze-enhanced axial attention: attention over mean rows and mean columns, gating a local detail branch."""

    def __init__(self, channels: int, key_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.key_dim = key_dim
        keys, values = key_dim * num_heads, 2 * key_dim * num_heads
        self.to_q = ConvBN(channels, keys)
        self.to_k = ConvBN(channels, keys)
        self.to_v = ConvBN(channels, values)
        self.proj = nn.Sequential(nn.ReLU6(), ConvBN(values, channels))
        self.proj_encode_row = nn.Sequential(nn.ReLU6(), ConvBN(values, values))
        self.pos_emb_rowq = AxialPosition(keys)
        self.pos_emb_rowk = AxialPosition(keys)
        self.proj_encode_column = nn.Sequential(nn.ReLU6(), ConvBN(values, values))
        self.pos_emb_columnq = AxialPosition(keys)
        self.pos_emb_columnk = AxialPosition(keys)
        self.dwconv = ConvBN(2 * values, 2 * values, 3, groups=2 * values)
        self.pwconv = ConvBN(2 * values, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to the same shape."""
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)
        detail = self.pwconv(F.relu6(self.dwconv(paddle.concat([q, k, v], axis=1))))
        row_q, row_k = self.pos_emb_rowq(q.mean(3)), self.pos_emb_rowk(k.mean(3))
        column_q, column_k = self.pos_emb_columnq(q.mean(2)), self.pos_emb_columnk(k.mean(2))
        rows = self._attend(row_q, row_k, v.mean(3)).unsqueeze(3)
        columns = self._attend(column_q, column_k, v.mean(2)).unsqueeze(2)
        mixed = v + self.proj_encode_row(rows) + self.proj_encode_column(columns)
        out: Tensor = F.hardsigmoid(self.proj(mixed)) * detail
        return out

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention along an axis: queries, keys [N, heads * key_dim, L] and values [N, heads * 2 * key_dim, L]."""
        q = q.reshape([0, self.num_heads, self.key_dim, -1])
        k = k.reshape([0, self.num_heads, self.key_dim, -1])
        v = v.reshape([0, self.num_heads, 2 * self.key_dim, -1])
        weights = F.softmax(paddle.matmul(q, k, transpose_x=True) * self.key_dim**-0.5, axis=-1)
        return paddle.matmul(v, weights, transpose_y=True).flatten(1, 2)


class FeedForward(nn.Layer):
    """Expansion, depthwise 3x3 convolution, projection."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = ConvBN(channels, hidden)
        weight = paddle.ParamAttr(initializer=initial_weight(3, hidden, hidden))
        self.dwconv = nn.Conv2D(hidden, hidden, 3, padding=1, groups=hidden, weight_attr=weight)
        self.fc2 = ConvBN(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to the same shape."""
        out: Tensor = self.fc2(F.relu6(self.dwconv(self.fc1(x))))
        return out


class DropPath(nn.Layer):
    """Drops the branch of an image in training (Huang et al. 2016, "Deep Networks with Stochastic Depth")."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the same shape; kept branches are scaled up so that the mean is unchanged."""
        if not self.training or self.rate == 0.0:
            return x
        kept = (paddle.rand([x.shape[0], 1, 1, 1]) >= self.rate).astype(x.dtype)
        return x * kept / (1.0 - self.rate)


class Block(nn.Layer):
    """Attention and feed-forward part, each with a residual connection."""

    def __init__(self, channels: int, key_dim: int, num_heads: int, mlp_ratio: int, drop_path: float) -> None:
        super().__init__()
        self.attn = SeaAttention(channels, key_dim, num_heads)
        self.drop_path = DropPath(drop_path)
        self.mlp = FeedForward(channels, channels * mlp_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to the same shape."""
        x = x + self.drop_path(self.attn(x))
        out: Tensor = x + self.drop_path(self.mlp(x))
        return out


class Transformer(nn.Layer):
    """The blocks after one stage."""

    def __init__(self, blocks: list[Block]) -> None:
        super().__init__()
        self.transformer_blocks = nn.LayerList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to the same shape."""
        for block in self.transformer_blocks:
            x = block(x)
        return x


class SeaFormer(nn.Layer):
    """The backbone.

    Attributes:
        out_channels: Channels of the outputs, finest first.
    """

    def __init__(self, size: SeaFormerSize) -> None:
        super().__init__()
        widths = [size.stem_channels, *(stage[-1].channels for stage in size.stages)]
        self.num_stages = len(size.stages)
        self.num_plain_stages = self.num_stages - len(size.depths)
        self.out_channels = [widths[DETAIL_STAGE + 1], *widths[self.num_plain_stages + 1 :]]
        for index, stage in enumerate(size.stages):
            self.add_sublayer(f"smb{index + 1}", Stage(widths[index], stage, has_stem=index == 0))
        for index, depth in enumerate(size.depths):
            self.add_sublayer(f"trans{index + 1}", self._transformer(size, index, depth))

    def _transformer(self, size: SeaFormerSize, index: int, depth: int) -> Transformer:
        channels = self.out_channels[index + 1]
        rates = [size.drop_path * position / max(depth - 1, 1) for position in range(depth)]
        key_dim, mlp_ratio = size.key_dims[index], size.mlp_ratios[index]
        return Transformer([Block(channels, key_dim, size.num_heads, mlp_ratio, rate) for rate in rates])

    def forward(self, x: Tensor) -> list[Tensor]:
        """[N, 3, H, W] to feature maps at 1/8 and after each transformer, finest first."""
        outputs = []
        for index in range(self.num_stages):
            x = getattr(self, f"smb{index + 1}")(x)
            if index == DETAIL_STAGE:
                outputs.append(x)
            if index >= self.num_plain_stages:
                x = getattr(self, f"trans{index - self.num_plain_stages + 1}")(x)
                outputs.append(x)
        return outputs
