"""SAM's prompt encoder: points, boxes and masks to vectors, without branches on data, so that it can be exported."""

from __future__ import annotations

import math

import numpy as np
import paddle
from paddle import nn

from segcli.models.promptable.sam.layers import LayerNorm2D
from segcli.models.promptable.sam.rasterized_prompts import RasterizedPrompts
from segcli.models.promptable.sums import Convolution

PADDING_LABEL = -1


class PromptEncoder(nn.Layer):
    """Prompts to sparse and dense embeddings.

    Args:
        dim: Width of the embeddings.
        image_size: Side of the square model input in pixels.
        grid: Side of the image embedding.
        mask_channels: Channels inside the mask's convolutions.
        rasterized_prompts: Whether prompts are also encoded as small images; Meta's networks have no such layers.
    """

    def __init__(
        self, dim: int, image_size: int, grid: int, mask_channels: int = 16, *, rasterized_prompts: bool = False
    ) -> None:
        super().__init__()
        self.dim, self.image_size, self.grid = dim, image_size, grid
        self.pe_layer = RandomFourier(dim)
        self.point_embeddings = nn.LayerList([nn.Embedding(1, dim) for _ in range(4)])
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            Convolution(1, mask_channels // 4, 2, stride=2),
            LayerNorm2D(mask_channels // 4),
            nn.GELU(),
            Convolution(mask_channels // 4, mask_channels, 2, stride=2),
            LayerNorm2D(mask_channels),
            nn.GELU(),
            Convolution(mask_channels, dim, 1),
        )
        self.no_mask_embed = nn.Embedding(1, dim)
        self.drawing = RasterizedPrompts(dim, image_size, 4 * grid, mask_channels) if rasterized_prompts else None

    def forward(
        self, coords: paddle.Tensor, labels: paddle.Tensor, mask: paddle.Tensor, has_mask: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Embeds the prompts of B objects.

        Args:
            coords: ``[B, N, 2]`` float32, x and y in model pixels.
            labels: ``[B, N]``: 1 on the object, 0 beside it, 2 and 3 the corners of a box, -1 padding.
            mask: ``[1 or B, 1, 4 * grid, 4 * grid]`` float32 logits of an earlier prediction.
            has_mask: ``[1 or B]`` float32, 1 where `mask` is used and 0 where it is not.

        Returns:
            Sparse ``[B, N, dim]`` and dense ``[1 or B, dim, grid, grid]`` embeddings.
        """
        dense = self.embed_mask(mask, has_mask)
        if self.drawing is not None:
            dense = dense + self.drawing(coords, labels)
        return self.embed_points(coords, labels), dense

    def embed_points(self, coords: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """``[B, N, 2]`` and ``[B, N]`` to ``[B, N, dim]``."""
        labels = labels.astype("float32").unsqueeze(-1)
        is_point = (labels != PADDING_LABEL).astype("float32")
        # Meta's pixel centres are at half pixels.
        embedded: paddle.Tensor = self.pe_layer((coords + 0.5) / self.image_size) * is_point
        embedded = embedded + (1.0 - is_point) * self.not_a_point_embed.weight
        for label, embedding in enumerate(self.point_embeddings):
            embedded = embedded + (labels == label).astype("float32") * embedding.weight
        return embedded

    def embed_mask(self, mask: paddle.Tensor, has_mask: paddle.Tensor) -> paddle.Tensor:
        """``[M, 1, 4 * grid, 4 * grid]`` to ``[M, dim, grid, grid]``."""
        weight = has_mask.reshape([-1, 1, 1, 1])
        absent = self.no_mask_embed.weight.reshape([1, -1, 1, 1])
        out: paddle.Tensor = weight * self.mask_downscaling(mask) + (1.0 - weight) * absent
        return out

    def dense_positions(self) -> paddle.Tensor:
        """Positional encoding of the image embedding, ``[1, dim, grid, grid]``."""
        centres = (np.arange(self.grid, dtype=np.float32) + 0.5) / self.grid
        x, y = np.meshgrid(centres, centres)
        positions: paddle.Tensor = self.pe_layer(paddle.to_tensor(np.stack([x, y], axis=-1)))
        return positions.transpose([2, 0, 1]).unsqueeze(0)


class RandomFourier(nn.Layer):
    """Random Fourier features of positions (Tancik et al. 2020, arXiv:2006.10739)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", paddle.randn([2, dim // 2]))

    def forward(self, positions: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[..., 2]`` in 0..1 to ``[..., dim]``."""
        angles = paddle.matmul(2.0 * positions - 1.0, self.positional_encoding_gaussian_matrix) * (2.0 * math.pi)
        return paddle.concat([paddle.sin(angles), paddle.cos(angles)], axis=-1)
