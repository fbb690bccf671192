"""A plain ViT (Dosovitskiy et al. 2021, arXiv:2010.11929) that returns the tokens of inner blocks."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn


class VisionTransformer(nn.Layer):
    """Image to the tokens after selected blocks.

    Args:
        dim: Width of the blocks.
        depth: Number of blocks.
        num_heads: Attention heads per block.
        grid: Side, in patches, of the image that the positional embedding was learnt for.
        hooks: Blocks whose output is returned.
        patch_size: Side of a patch in pixels.
    """

    def __init__(
        self, dim: int, depth: int, num_heads: int, grid: int, *, hooks: Sequence[int], patch_size: int = 16
    ) -> None:
        super().__init__()
        self.grid, self.hooks, self.patch_size = grid, tuple(hooks), patch_size
        small = nn.initializer.TruncatedNormal(std=0.02)
        self.cls_token = self.create_parameter([1, 1, dim], default_initializer=small)
        self.pos_embed = self.create_parameter([1, grid * grid + 1, dim], default_initializer=small)
        self.patch_embed = _PatchEmbed(dim, patch_size)
        self.blocks = nn.LayerList([_Block(dim, num_heads) for _ in range(depth)])

    def forward(self, image: paddle.Tensor) -> list[paddle.Tensor]:
        """Maps ``[B, 3, H, W]`` to a list of ``[B, 1 + H / patch * W / patch, dim]``, one per hook."""
        x = self.patch_embed(image)
        rows, columns = x.shape[2], x.shape[3]
        x = x.flatten(2).transpose([0, 2, 1])
        cls = self.cls_token + paddle.zeros_like(x[:, :1])
        x = paddle.concat([cls, x], axis=1) + self.positions(rows, columns)
        taken = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.hooks:
                taken.append(x)
        return taken

    def positions(self, rows: int, columns: int) -> paddle.Tensor:
        """The positional embedding for a grid of ``rows`` x ``columns`` patches, ``[1, 1 + rows * columns, dim]``."""
        if (rows, columns) == (self.grid, self.grid):
            return self.pos_embed
        side, dim = self.grid, self.pos_embed.shape[-1]
        learnt = self.pos_embed[:, 1:].reshape([1, side, side, dim]).transpose([0, 3, 1, 2])
        resized = F.interpolate(learnt, size=[rows, columns], mode="bilinear", align_corners=False)
        return paddle.concat([self.pos_embed[:, :1], resized.flatten(2).transpose([0, 2, 1])], axis=1)


class _PatchEmbed(nn.Layer):
    def __init__(self, dim: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2D(3, dim, patch_size, stride=patch_size)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.proj(x)


class _Block(nn.Layer):
    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, epsilon=1e-6)
        self.attn = _Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, epsilon=1e-6)
        self.mlp = _FeedForward(dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        x = x + self.attn(self.norm1(x))
        out: paddle.Tensor = x + self.mlp(self.norm2(x))
        return out


class _Attention(nn.Layer):
    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, dim // num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        heads, width, length = self.num_heads, self.head_dim, x.shape[1]
        qkv = self.qkv(x).reshape([-1, length, 3, heads, width]).transpose([2, 0, 3, 1, 4])
        scores = paddle.matmul(qkv[0] * width**-0.5, qkv[1], transpose_y=True)
        out = paddle.matmul(F.softmax(scores), qkv[2]).transpose([0, 2, 1, 3])
        return self.proj(out.reshape([-1, length, heads * width]))


class _FeedForward(nn.Layer):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
