"""The decoder layer of RT-DETR: self-attention, deformable attention on the pyramid, feed-forward."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Assign, Constant

from segcli.models.host_memory import is_on_host, without_warnings
from segcli.models.instance.host_sampling import WeightedRows
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
        heads, samples = self._heads, self._levels * self._points
        length = query.shape[1]
        offsets = self.sampling_offsets(query).reshape([-1, length, heads, samples, 2])
        centre, size = paddle.split(boxes.unsqueeze([2, 3]), 2, axis=-1)
        places = centre + offsets / self._points * size * 0.5
        weights = F.softmax(self.attention_weights(query).reshape([-1, length, heads, samples]))
        value = self.value_proj(memory)
        attend = self._attend_on_host if is_on_host(value) else self._attend
        result: Tensor = self.output_proj(attend(value, places, weights, shapes))
        return result

    def _attend(self, value: Tensor, places: Tensor, weights: Tensor, shapes: Shapes) -> Tensor:
        """Weighted samples of the values.

        Args:
            value: [B, sum(H * W), C].
            places: Where they are sampled [B, Q, heads, levels * points, 2] (x, y in 0..1).
            weights: [B, Q, heads, levels * points].
            shapes: Height and width of each level.

        Returns:
            [B, Q, C].
        """
        heads, points, length = self._heads, self._points, places.shape[1]
        grid = (2 * places - 1).transpose([0, 2, 1, 3, 4]).flatten(0, 1)  # [B * heads, Q, levels * points, 2]
        weights = weights.transpose([0, 2, 1, 3]).flatten(0, 1).unsqueeze(1)  # [B * heads, 1, Q, levels * points]
        value = value.transpose([0, 2, 1])  # [B, C, sum(H * W)]
        samples = []
        start = 0
        for level, (height, width) in enumerate(shapes):
            image = value[:, :, start : start + height * width].reshape([-1, self._head_channels, height, width])
            where = grid[:, :, level * points : (level + 1) * points]
            samples.append(F.grid_sample(image, where, align_corners=False))
            start += height * width
        out = (paddle.concat(samples, axis=-1) * weights).sum(-1)  # [B * heads, C / heads, Q]
        return out.reshape([-1, heads * self._head_channels, length]).transpose([0, 2, 1])

    def _attend_on_host(self, value: Tensor, places: Tensor, weights: Tensor, shapes: Shapes) -> Tensor:
        """As `_attend`: each sample is four rows of the values, so that a query sums rows of a table."""
        images, length, heads = places.shape[:3]
        sizes = np.repeat([(width, height) for height, width in shapes], self._points, axis=0)  # [levels * points, 2]
        tokens = int(np.prod(shapes, axis=1).sum())
        exact = places * paddle.to_tensor(sizes, dtype="float32") - 0.5
        low = exact.detach().floor()
        high_share = exact - low
        pixels = np.stack([low.numpy(), low.numpy() + 1], axis=-1)
        with without_warnings():
            whole = pixels.astype(np.int32)  # [B, Q, heads, samples, 2, 2]
        inside = (whole >= 0) & (whole < sizes[..., None])
        shares = paddle.stack([1 - high_share, high_share], axis=-1) * paddle.to_tensor(inside.astype(np.float32))
        corners = shares[..., 1, :].unsqueeze(-1) * shares[..., 0, :].unsqueeze(-2)  # [B, Q, heads, samples, 2, 2]

        starts = np.repeat(np.cumsum([0, *(height * width for height, width in shapes[:-1])]), self._points)
        whole = np.clip(whole, 0, sizes[..., None] - 1)
        token = whole[..., 1, :, None] * sizes[:, :1, None] + whole[..., 0, None, :] + starts[:, None, None]
        token += tokens * np.arange(images).reshape(-1, 1, 1, 1, 1, 1)
        columns = (token * heads + np.arange(heads).reshape(-1, 1, 1, 1)).astype(np.int32)

        rows = images * length * heads
        shared = (corners * weights.unsqueeze([-1, -2])).reshape([rows, -1])
        table = value.reshape([-1, self._head_channels])
        out: Tensor = WeightedRows.apply(shared, table, columns.reshape(rows, -1))
        return out.reshape([images, length, -1])


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
