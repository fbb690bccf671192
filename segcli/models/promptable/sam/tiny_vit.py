"""MobileSAM's image encoder: TinyViT-5M (Wu et al. 2022, arXiv:2207.10666) with a SAM neck."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.promptable.sam.layers import Neck, join_windows, split_windows

EXPANSION = 4
IMAGENET_CLASSES = 1000


class TinyViT(nn.Layer):
    """Image to embedding.

    Args:
        out_channels: Channels of the embedding.
        dims: Width of each of the four stages.
        depths: Blocks of each stage; the first stage is convolutional.
        heads: Attention heads of each stage.
        windows: Side of the attention windows of each stage.
    """

    def __init__(
        self,
        out_channels: int = 256,
        dims: Sequence[int] = (64, 128, 160, 320),
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (2, 4, 5, 10),
        windows: Sequence[int] = (7, 7, 14, 7),
    ) -> None:
        super().__init__()
        self.patch_embed = _Stem(dims[0])
        stages: list[nn.Layer] = [ConvStage(dims[0], dims[1], depths[0])]
        # The third stage's merging keeps the size, so that the embedding is 1/16 of the image as in SAM.
        mergings = [Merging(dims[1], dims[2], stride=2), Merging(dims[2], dims[3], stride=1), None]
        for index, merging in enumerate(mergings, start=1):
            stages.append(AttentionStage(dims[index], depths[index], heads[index], windows[index], merging))
        self.layers = nn.LayerList(stages)
        # MobileSAM's files contain the ImageNet classifier, which is not used.
        self.norm_head = nn.LayerNorm(dims[-1])
        self.head = nn.Linear(dims[-1], IMAGENET_CLASSES)
        self.neck = Neck(dims[-1], out_channels)

    def forward(self, image: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, 3, S, S]`` float32 (normalised, padded) to ``[B, C, S / 16, S / 16]``."""
        x = self.patch_embed(image)
        for stage in self.layers:
            x = stage(x)
        return self.neck(x)


class ConvNorm(nn.Layer):
    """Convolution and batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = kernel // 2
        self.c = nn.Conv2D(in_channels, out_channels, kernel, stride, padding, groups=groups, bias_attr=False)
        self.bn = nn.BatchNorm2D(out_channels)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', H / stride, W / stride]``."""
        return self.bn(self.c(x))


class _Stem(nn.Layer):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, dim // 2, 3, 2), nn.GELU(), ConvNorm(dim // 2, dim, 3, 2))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.seq(x)


class Merging(nn.Layer):
    """Reduces the map's size (at stride 2) and changes its channels between two stages."""

    def __init__(self, dim: int, out_dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(dim, out_dim)
        self.conv2 = ConvNorm(out_dim, out_dim, 3, stride, groups=out_dim)
        self.conv3 = ConvNorm(out_dim, out_dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', H / stride, W / stride]``."""
        out: paddle.Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return out


class InvertedBottleneck(nn.Layer):
    """MBConv: expansion, depthwise convolution, projection, residual sum."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = EXPANSION * dim
        self.conv1 = ConvNorm(dim, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to the same shape."""
        return F.gelu(x + self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x))))))


class ConvStage(nn.Layer):
    """The first stage: inverted bottlenecks, then merging."""

    def __init__(self, dim: int, out_dim: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.LayerList([InvertedBottleneck(dim) for _ in range(depth)])
        self.downsample = Merging(dim, out_dim, stride=2)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', H / 2, W / 2]``."""
        for block in self.blocks:
            x = block(x)
        out: paddle.Tensor = self.downsample(x)
        return out


class AttentionStage(nn.Layer):
    """Blocks of windowed attention, then merging where there is one."""

    def __init__(self, dim: int, depth: int, heads: int, window: int, downsample: Merging | None) -> None:
        super().__init__()
        self.blocks = nn.LayerList([AttentionBlock(dim, heads, window) for _ in range(depth)])
        self.downsample = downsample

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to ``[B, C', H / stride, W / stride]``."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class AttentionBlock(nn.Layer):
    """Windowed attention, a depthwise convolution, a feed-forward part."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = BiasedAttention(dim, heads, window)
        self.local_conv = ConvNorm(dim, dim, 3, groups=dim)
        self.mlp = NormedFeedForward(dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, C, H, W]`` to the same shape."""
        channels, height, width = x.shape[1:]
        windows = split_windows(x.transpose([0, 2, 3, 1]), self.window)
        attended = self.attn(windows.reshape([-1, self.window**2, channels]))
        attended = attended.reshape([-1, self.window, self.window, channels])
        x = x + join_windows(attended, self.window, height, width).transpose([0, 3, 1, 2])
        tokens = self.local_conv(x).transpose([0, 2, 3, 1])
        out: paddle.Tensor = (tokens + self.mlp(tokens)).transpose([0, 3, 1, 2])
        return out


class BiasedAttention(nn.Layer):
    """Attention with one learnt bias for each distance in a window.

    The biases are assigned to the pairs in `forward`: MobileSAM's own code does so in ``eval()``, before its weights
    are loaded, and then uses wrong biases.
    """

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.head_dim, self.length = heads, dim // heads, window**2
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.attention_biases = self.create_parameter(
            [heads, self.length], default_initializer=nn.initializer.Constant(0.0)
        )
        points = list(itertools.product(range(window), range(window)))
        pairs = [abs(a[0] - b[0]) * window + abs(a[1] - b[1]) for a in points for b in points]
        self.register_buffer("pairs", paddle.to_tensor(pairs), persistable=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, N, C]`` to the same shape."""
        heads, width, length = self.heads, self.head_dim, self.length
        qkv = self.qkv(self.norm(x)).reshape([-1, length, heads, 3, width]).transpose([3, 0, 2, 1, 4])
        scores = paddle.matmul(qkv[0], qkv[1], transpose_y=True) * width**-0.5
        bias = paddle.index_select(self.attention_biases, self.pairs, axis=1).reshape([1, heads, length, length])
        out = paddle.matmul(F.softmax(scores + bias), qkv[2])
        return self.proj(out.transpose([0, 2, 1, 3]).reshape([-1, length, heads * width]))


class NormedFeedForward(nn.Layer):
    """Normalisation and two linear layers."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, EXPANSION * dim)
        self.fc2 = nn.Linear(EXPANSION * dim, dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[..., C]`` to the same shape."""
        return self.fc2(F.gelu(self.fc1(self.norm(x))))
