"""SAM's image encoder: a plain ViT with windows and decomposed relative positions (ViTDet, arXiv:2203.16527)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.host_memory import is_on_host
from segcli.models.promptable.sam.layers import FeedForward, Neck, join_windows, split_windows
from segcli.models.promptable.sums import OuterSum


class ImageEncoder(nn.Layer):
    """Image to embedding.

    Args:
        image_size: Side of the square input in pixels.
        patch_size: Side of a patch in pixels.
        embed_dim: Width of the blocks.
        depth: Number of blocks.
        num_heads: Attention heads per block.
        global_blocks: Blocks that attend over the whole image; the others over windows.
        window_size: Side of a window in patches.
        out_channels: Channels of the embedding.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        embed_dim: int,
        depth: int,
        num_heads: int,
        global_blocks: Sequence[int],
        window_size: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        grid = image_size // patch_size
        self.patch_embed = PatchEmbed(patch_size, embed_dim)
        self.pos_embed = self.create_parameter(
            [1, grid, grid, embed_dim], default_initializer=nn.initializer.TruncatedNormal(std=0.02)
        )
        self.blocks = nn.LayerList(
            [
                Block(embed_dim, num_heads, window=0 if index in global_blocks else window_size, grid=grid)
                for index in range(depth)
            ]
        )
        self.neck = Neck(embed_dim, out_channels)

    def forward(self, image: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, 3, S, S]`` float32 (normalised, padded) to ``[B, C, S / patch, S / patch]``."""
        x = self.patch_embed(image) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.transpose([0, 3, 1, 2]))


class PatchEmbed(nn.Layer):
    """Patches to vectors."""

    def __init__(self, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2D(3, embed_dim, patch_size, stride=patch_size)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, 3, H, W]`` to ``[B, H / patch, W / patch, C]``."""
        return self.proj(x).transpose([0, 2, 3, 1])


class Block(nn.Layer):
    """A pre-norm transformer block; attention inside windows where `window` is not 0."""

    def __init__(self, dim: int, num_heads: int, window: int, grid: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(dim, epsilon=1e-6)
        self.attn = RelativeAttention(dim, num_heads, window or grid)
        self.norm2 = nn.LayerNorm(dim, epsilon=1e-6)
        self.mlp = FeedForward(dim, 4 * dim, nn.GELU())

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, H, W, C]`` to the same shape."""
        attended = self.norm1(x)
        if self.window:
            height, width = x.shape[1], x.shape[2]
            attended = self.attn(split_windows(attended, self.window))
            attended = join_windows(attended, self.window, height, width)
        else:
            attended = self.attn(attended)
        x = x + attended
        out: paddle.Tensor = x + self.mlp(self.norm2(x))
        return out


class RelativeAttention(nn.Layer):
    """Attention over a square map with learnt row and column offsets (MViTv2, arXiv:2112.01526, equation 4)."""

    def __init__(self, dim: int, num_heads: int, side: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.side = num_heads, dim // num_heads, side
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        zeros = nn.initializer.Constant(0.0)
        self.rel_pos_h = self.create_parameter([2 * side - 1, self.head_dim], default_initializer=zeros)
        self.rel_pos_w = self.create_parameter([2 * side - 1, self.head_dim], default_initializer=zeros)
        steps = np.arange(side)
        offsets = steps[:, None] - steps[None, :] + side - 1
        self.register_buffer("offsets", paddle.to_tensor(offsets.ravel()), persistable=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, side, side, C]`` to the same shape."""
        side, heads, width = self.side, self.num_heads, self.head_dim
        qkv = self.qkv(x).reshape([-1, side * side, 3, heads, width]).transpose([2, 0, 3, 1, 4])
        query, key, value = qkv[0], qkv[1], qkv[2]
        scores = paddle.matmul(query * width**-0.5, key, transpose_y=True)
        bias = self._position_bias(query)
        scores = (scores.reshape([-1, heads, side * side, side, side]) + bias).reshape([-1, heads, side**2, side**2])
        out = paddle.matmul(F.softmax(scores), value)
        return self.proj(out.transpose([0, 2, 1, 3]).reshape([-1, side, side, heads * width]))

    def _position_bias(self, query: paddle.Tensor) -> paddle.Tensor:
        # The query is not scaled here, unlike in the content term: Meta's weights were trained this way.
        side, heads, width = self.side, self.num_heads, self.head_dim
        # The leading 1 is needed: Paddle 3.3.1's gradient fails for a product of a 4-D and a 3-D tensor.
        rows = self.rel_pos_h[self.offsets].reshape([1, side, side, width]).transpose([0, 1, 3, 2])
        columns = self.rel_pos_w[self.offsets].reshape([1, side, side, width]).transpose([0, 1, 3, 2])
        grid = query.reshape([-1, side, side, width])
        by_row = paddle.matmul(grid, rows)  # [B * heads, y, x, key y]
        by_column = paddle.matmul(grid.transpose([0, 2, 1, 3]), columns).transpose([0, 2, 1, 3])
        shape = [-1, heads, side * side]
        if is_on_host(query):
            sums: paddle.Tensor = OuterSum.apply(by_row.reshape([-1, side]), by_column.reshape([-1, side]))
            return sums.reshape([*shape, side, side])
        return by_row.reshape([*shape, side, 1]) + by_column.reshape([*shape, 1, side])
