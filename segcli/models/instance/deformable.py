"""The decoder layer of RT-DETR: self-attention, deformable attention on the pyramid, feed-forward."""

from __future__ import annotations

import math
from collections.abc import Sequence

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Assign, Constant

from segcli.models.instance.layers import SelfAttention, layer_norm, linear

Shapes = Sequence[tuple[int, int]]
"""Height and width of each pyramid level."""


class DeformableAttention(nn.Layer):
    """Multi-scale deformable attention (Zhu et al. 2021, eq. 3) around reference boxes.

    Each head uses ``num_points`` bilinear samples per level, at offsets proportional to the reference box.
    """

    def __init__(self, channels: int, num_heads: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        self._heads, self._levels, self._points = num_heads, num_levels, num_points
        self._head_channels = channels // num_heads
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(
            channels,
            2 * samples,
            weight_attr=paddle.ParamAttr(initializer=Constant(0.0)),
            bias_attr=paddle.ParamAttr(initializer=Assign(self._star())),
        )
        self.attention_weights = nn.Linear(
            channels,
            samples,
            weight_attr=paddle.ParamAttr(initializer=Constant(0.0)),
            bias_attr=paddle.ParamAttr(initializer=Constant(0.0)),
        )
        self.value_proj = linear(channels, channels, bias=0.0, xavier=True)
        self.output_proj = linear(channels, channels, bias=0.0, xavier=True)

    def _star(self) -> list[float]:
        """Initial offsets: head h points in direction 2 pi h / heads, point p at p + 1 steps (ibid., appendix A.4)."""
        offsets: list[float] = []
        for head in range(self._heads):
            angle = 2.0 * math.pi * head / self._heads
            x, y = math.cos(angle), math.sin(angle)
            reach = max(abs(x), abs(y))
            ray = [c * (point + 1) / reach for point in range(self._points) for c in (x, y)]
            offsets += ray * self._levels
        return offsets

    def forward(self, query: Tensor, boxes: Tensor, memory: Tensor, shapes: Shapes) -> Tensor:
        """Computes the attention.

        Args:
            query: [B, Q, C].
            boxes: Reference boxes [B, Q, 4], ``cxcywh``, normalised.
            memory: The levels, flattened row by row and concatenated, [B, sum(H * W), C].
            shapes: Their heights and widths.

        Returns:
            [B, Q, C].
        """
        heads, levels, points = self._heads, self._levels, self._points
        length = query.shape[1]
        offsets = self.sampling_offsets(query).reshape([-1, length, heads, levels * points, 2])
        centre, size = paddle.split(boxes.unsqueeze([2, 3]), 2, axis=-1)
        grid = 2 * (centre + offsets / points * size * 0.5) - 1
        grid = grid.transpose([0, 2, 1, 3, 4]).flatten(0, 1)  # [B * heads, Q, levels * points, 2]
        weights = F.softmax(self.attention_weights(query).reshape([-1, length, heads, levels * points]))
        weights = weights.transpose([0, 2, 1, 3]).flatten(0, 1).unsqueeze(1)  # [B * heads, 1, Q, levels * points]

        value = self.value_proj(memory).transpose([0, 2, 1])  # [B, C, sum(H * W)]
        samples = []
        start = 0
        for level, (height, width) in enumerate(shapes):
            image = value[:, :, start : start + height * width].reshape([-1, self._head_channels, height, width])
            where = grid[:, :, level * points : (level + 1) * points]
            samples.append(F.grid_sample(image, where, align_corners=False))
            start += height * width
        out = (paddle.concat(samples, axis=-1) * weights).sum(-1)  # [B * heads, C / heads, Q]
        result: Tensor = self.output_proj(out.reshape([-1, heads * self._head_channels, length]).transpose([0, 2, 1]))
        return result


class DecoderLayer(nn.Layer):
    """Self-attention, deformable attention and a ReLU feed-forward part, each with normalisation after the sum."""

    def __init__(self, channels: int, num_heads: int, hidden: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(channels, num_heads)
        self.norm1 = layer_norm(channels)
        self.cross_attn = DeformableAttention(channels, num_heads, num_levels, num_points)
        self.norm2 = layer_norm(channels)
        self.linear1 = linear(channels, hidden, xavier=True)
        self.linear2 = linear(hidden, channels, xavier=True)
        self.norm3 = layer_norm(channels)

    def forward(
        self, x: Tensor, *, boxes: Tensor, position: Tensor, memory: Tensor, shapes: Shapes, mask: Tensor | None
    ) -> Tensor:
        """Refines the queries ``x`` [B, Q, C]; ``mask`` [Q, Q] is added to the self-attention's scores."""
        x = self.norm1(x + self.self_attn(x, position, mask))
        x = self.norm2(x + self.cross_attn(x + position, boxes, memory, shapes))
        out: Tensor = self.norm3(x + self.linear2(F.relu(self.linear1(x))))
        return out
