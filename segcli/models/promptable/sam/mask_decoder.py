"""SAM's mask decoder: a two-way transformer between prompt tokens and the image embedding (SAM, appendix A)."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.operators import is_ours
from segcli.models.promptable.sam.layers import FeedForward, LayerNorm2D, ReluStack
from segcli.models.promptable.sums import Doubling, add, spread

NUM_MASKS = 4
"""The first mask is for unambiguous prompts, the other three for ambiguous ones."""


class MaskDecoder(nn.Layer):
    """Embeddings to mask logits and predicted IoU.

    Args:
        dim: Width of the embeddings.
        mlp_dim: Hidden width of the transformer's feed-forward.
        iou_hidden: Hidden width of the IoU head.
    """

    def __init__(self, dim: int, mlp_dim: int, iou_hidden: int) -> None:
        super().__init__()
        self.dim = dim
        self.transformer = TwoWayTransformer(dim, mlp_dim)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(NUM_MASKS, dim)
        self.output_upscaling = nn.Sequential(
            Doubling(dim, dim // 4),
            LayerNorm2D(dim // 4),
            nn.GELU(),
            Doubling(dim // 4, dim // 8),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.LayerList([ReluStack(dim, dim, dim // 8, 3) for _ in range(NUM_MASKS)])
        self.iou_prediction_head = ReluStack(dim, iou_hidden, NUM_MASKS, 3)

    def forward(
        self, image: paddle.Tensor, image_positions: paddle.Tensor, sparse: paddle.Tensor, dense: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Decodes the prompts of B objects.

        Args:
            image: ``[1 or B, dim, grid, grid]`` image embedding.
            image_positions: ``[1, dim, grid, grid]``.
            sparse: ``[B, N, dim]`` prompt tokens.
            dense: ``[1 or B, dim, grid, grid]`` mask embedding.

        Returns:
            ``[B, 4, 4 * grid, 4 * grid]`` logits and ``[B, 4]`` predicted IoU. Mask 0 is for unambiguous prompts,
            masks 1 to 3 for ambiguous ones.
        """
        count, grid = sparse.shape[0], image.shape[-1]
        outputs = paddle.concat([self.iou_token.weight, self.mask_tokens.weight]).unsqueeze(0)
        tokens = paddle.concat([outputs.expand([count, -1, -1]), sparse], axis=1)
        keys = add(image, dense).flatten(2).transpose([0, 2, 1]).expand([count, -1, -1])
        tokens, keys = self.transformer(tokens, keys, image_positions.flatten(2).transpose([0, 2, 1]))
        if is_ours(keys, *self.output_upscaling.parameters()):
            features = self._upscaled_rows(keys.reshape([-1, grid, grid, self.dim])).transpose([0, 2, 1])
        else:
            features = self.output_upscaling(keys.transpose([0, 2, 1]).reshape([-1, self.dim, grid, grid])).flatten(2)
        heads = [head(tokens[:, 1 + index]) for index, head in enumerate(self.output_hypernetworks_mlps)]
        masks = paddle.matmul(paddle.stack(heads, axis=1), features)
        return masks.reshape([-1, NUM_MASKS, 4 * grid, 4 * grid]), self.iou_prediction_head(tokens[:, 0])

    def _upscaled_rows(self, keys: paddle.Tensor) -> paddle.Tensor:
        """``output_upscaling`` of keys ``[B, g, g, dim]``, whose channels stay last: ``[B, 16 * g * g, dim / 8]``."""
        first, norm, activation, second, last = self.output_upscaling.sublayers()
        half = activation(norm.of_rows(first.of_rows(keys)))
        out: paddle.Tensor = last(second.of_rows(half)).flatten(1, 2)
        return out


class TwoWayTransformer(nn.Layer):
    """Tokens and image attend to each other, twice; then the tokens attend to the image once more."""

    def __init__(self, dim: int, mlp_dim: int, num_heads: int = 8, depth: int = 2) -> None:
        super().__init__()
        blocks = [TwoWayBlock(dim, mlp_dim, num_heads, is_first=index == 0) for index in range(depth)]
        self.layers = nn.LayerList(blocks)
        self.final_attn_token_to_image = ProjectedAttention(dim, dim // 2, num_heads)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self, tokens: paddle.Tensor, keys: paddle.Tensor, key_positions: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Maps tokens ``[B, N, dim]`` and keys ``[B, H * W, dim]`` to the same shapes."""
        queries = tokens
        key_positions = spread(key_positions, keys.shape)  # once for five sums
        for layer in self.layers:
            queries, keys = layer(queries, keys, tokens, key_positions)
        attended = self.final_attn_token_to_image(queries + tokens, keys + key_positions, keys)
        return self.norm_final_attn(queries + attended), keys


class TwoWayBlock(nn.Layer):
    """Self-attention of the tokens, tokens to image, feed-forward, image to tokens."""

    def __init__(self, dim: int, mlp_dim: int, num_heads: int, *, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.self_attn = ProjectedAttention(dim, dim, num_heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = ProjectedAttention(dim, dim // 2, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = FeedForward(dim, mlp_dim, nn.ReLU())
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = ProjectedAttention(dim, dim // 2, num_heads)

    def forward(
        self,
        queries: paddle.Tensor,
        keys: paddle.Tensor,
        query_positions: paddle.Tensor,
        key_positions: paddle.Tensor,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Maps queries ``[B, N, dim]`` and keys ``[B, H * W, dim]`` to the same shapes."""
        if self.is_first:
            # The tokens are their own positions here: no second addition, and no residual.
            queries = self.self_attn(queries, queries, queries)
        else:
            placed = queries + query_positions
            queries = queries + self.self_attn(placed, placed, queries)
        queries = self.norm1(queries)
        attended = self.cross_attn_token_to_image(queries + query_positions, keys + key_positions, keys)
        queries = self.norm2(queries + attended)
        queries = self.norm3(queries + self.mlp(queries))
        attended = self.cross_attn_image_to_token(keys + key_positions, queries + query_positions, queries)
        return queries, self.norm4(keys + attended)


class ProjectedAttention(nn.Layer):
    """Attention whose inner width may be smaller than the outer one."""

    def __init__(self, dim: int, inner: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, inner // num_heads
        self.q_proj = nn.Linear(dim, inner)
        self.k_proj = nn.Linear(dim, inner)
        self.v_proj = nn.Linear(dim, inner)
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, query: paddle.Tensor, key: paddle.Tensor, value: paddle.Tensor) -> paddle.Tensor:
        """Maps query ``[B, N, dim]``, key and value ``[B, M, dim]`` to ``[B, N, dim]``."""
        q, k, v = self._heads(self.q_proj(query)), self._heads(self.k_proj(key)), self._heads(self.v_proj(value))
        scores = paddle.matmul(q, k, transpose_y=True) * self.head_dim**-0.5
        out = paddle.matmul(F.softmax(scores), v).transpose([0, 2, 1, 3])
        return self.out_proj(out.flatten(2))

    def _heads(self, x: paddle.Tensor) -> paddle.Tensor:
        return x.reshape([0, 0, self.num_heads, self.head_dim]).transpose([0, 2, 1, 3])
