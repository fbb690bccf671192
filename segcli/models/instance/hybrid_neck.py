"""The neck of Mask-RT-DETR: one attention level, a convolutional FPN and PAN, and the mask prototypes.

RT-DETR (Zhao et al. 2023, section 4.2) calls the first two parts the efficient hybrid encoder; the prototypes are a
semantic-FPN style sum of its outputs joined with the stride-4 map of the backbone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import FeatureShape
from segcli.models.instance.layers import RepVGGBlock, SelfAttention, batch_norm, linear, silu_conv


def sincos_position(height: int, width: int, channels: int, temperature: float = 10000.0) -> Tensor:
    """Sine and cosine position embedding [1, H * W, channels], row by row.

    The first half of the channels encodes the row, the second the column. The reference walks its grid column by
    column: the same on square images, but positions are mixed up on others.

    Raises:
        ValueError: ``channels`` cannot be divided by 4.
    """
    if channels % 4:
        raise ValueError(f"a position embedding needs a multiple of 4 channels, not {channels}")
    omega = 1.0 / temperature ** (paddle.arange(channels // 4, dtype="float32") / (channels // 4))
    row, column = paddle.meshgrid(paddle.arange(height, dtype="float32"), paddle.arange(width, dtype="float32"))
    row_angle = row.flatten().unsqueeze(1) * omega.unsqueeze(0)
    column_angle = column.flatten().unsqueeze(1) * omega.unsqueeze(0)
    parts = [paddle.sin(row_angle), paddle.cos(row_angle), paddle.sin(column_angle), paddle.cos(column_angle)]
    return paddle.concat(parts, axis=1).unsqueeze(0)


class _EncoderLayer(nn.Layer):
    """Transformer encoder layer with normalisation after each residual sum, GELU, no dropout."""

    def __init__(self, channels: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(channels, num_heads)
        self.linear1 = linear(channels, hidden)
        self.linear2 = linear(hidden, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        x = self.norm1(x + self.self_attn(x, position))
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x))))


class _Encoder(nn.Layer):
    """Encoder layers over one feature map."""

    def __init__(self, channels: int, num_heads: int, hidden: int, depth: int) -> None:
        super().__init__()
        self._channels = channels
        self.layers = nn.LayerList([_EncoderLayer(channels, num_heads, hidden) for _ in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        height, width = x.shape[2:]
        position = sincos_position(height, width, self._channels)
        tokens = x.flatten(2).transpose([0, 2, 1])
        for layer in self.layers:
            tokens = layer(tokens, position)
        return tokens.transpose([0, 2, 1]).reshape([-1, self._channels, height, width])


class _Fusion(nn.Layer):
    """Cross-stage partial block of three RepVGG blocks: fuses two concatenated maps."""

    def __init__(self, in_channels: int, out_channels: int, expansion: float, depth: int = 3) -> None:
        super().__init__()
        hidden = int(out_channels * expansion)
        self.conv1 = silu_conv(in_channels, hidden, 1)
        self.conv2 = silu_conv(in_channels, hidden, 1)
        self.bottlenecks = nn.Sequential(*[RepVGGBlock(hidden) for _ in range(depth)])
        self.conv3 = silu_conv(hidden, out_channels, 1) if hidden != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(self.bottlenecks(self.conv1(x)) + self.conv2(x))


class _MaskFeature(nn.Layer):
    """Sum of all levels at the finest one's size (Kirillov et al. 2019), then a 3x3 convolution."""

    def __init__(self, in_channels: int, levels: int, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.scale_heads = nn.LayerList([self._head(in_channels, hidden, level) for level in range(levels)])
        self.output_conv = silu_conv(hidden, out_channels, 3)

    @staticmethod
    def _head(in_channels: int, hidden: int, doublings: int) -> Any:
        """A 3x3 convolution and a doubling of the size, ``doublings`` times (at least the convolution)."""
        steps: list[Any] = []
        for k in range(max(1, doublings)):
            steps.append(nn.Sequential(silu_conv(in_channels if k == 0 else hidden, hidden, 3)))
            if doublings:
                steps.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
        return nn.Sequential(*steps)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        first, *others = list(self.scale_heads)
        total = first(feats[0])
        for head, feat in zip(others, feats[1:], strict=True):
            # with a size that is not a multiple of 32 the doubled map is a pixel too large
            total = total + F.interpolate(head(feat), size=total.shape[2:], mode="bilinear", align_corners=False)
        out: Tensor = self.output_conv(total)
        return out


class MaskHybridNeck(nn.Layer):
    """Feature pyramid at strides 8, 16, 32 and mask prototypes at stride 4.

    Args:
        in_channels: Channels of the backbone's four maps (strides 4 to 32).
        hidden_dim: Channels of the pyramid.
        attention_stride: Stride of the one level with self-attention: 32, or 16 in the S and M models.
        num_encoder_layers: Attention layers on it.
        feedforward_dim: Hidden width of their feed-forward part.
        expansion: Width of the fusion blocks relative to ``hidden_dim``.
        mask_feat_channels: Width inside the semantic FPN, and of its output.
        num_prototypes: Mask prototypes.
    """

    __category__: ClassVar[str] = "neck"
    __shared__: ClassVar[list[str]] = ["num_prototypes"]

    # PaddleDetection inspects positional arguments only, so none can be keyword-only
    def __init__(  # noqa: PLR0917
        self,
        in_channels: Sequence[int] = (128, 512, 1024, 2048),
        hidden_dim: int = 256,
        attention_stride: int = 32,
        num_encoder_layers: int = 1,
        feedforward_dim: int = 1024,
        expansion: float = 1.0,
        mask_feat_channels: Sequence[int] = (64, 64),
        num_prototypes: int = 32,
    ) -> None:
        super().__init__()
        stride4, *levels = in_channels
        self._hidden = hidden_dim
        self._attention_level = {8: 0, 16: 1, 32: 2}[attention_stride]
        self.input_proj = nn.LayerList(
            [
                nn.Sequential(nn.Conv2D(c, hidden_dim, kernel_size=1, bias_attr=False), batch_norm(hidden_dim))
                for c in levels
            ]
        )
        self.encoder = nn.LayerList([_Encoder(hidden_dim, 8, feedforward_dim, num_encoder_layers)])
        steps = range(len(levels) - 1)
        self.lateral_convs = nn.LayerList([silu_conv(hidden_dim, hidden_dim, 1) for _ in steps])
        self.fpn_blocks = nn.LayerList([_Fusion(2 * hidden_dim, hidden_dim, expansion) for _ in steps])
        self.downsample_convs = nn.LayerList([silu_conv(hidden_dim, hidden_dim, 3, 2) for _ in steps])
        self.pan_blocks = nn.LayerList([_Fusion(2 * hidden_dim, hidden_dim, expansion) for _ in steps])

        mask_hidden, mask_out = mask_feat_channels
        self.mask_feat_head = _MaskFeature(hidden_dim, len(levels), mask_hidden, mask_out)
        self.enc_mask_lateral = silu_conv(stride4, mask_out, 3)
        self.enc_mask_output = nn.Sequential(silu_conv(mask_out, mask_out, 3), nn.Conv2D(mask_out, num_prototypes, 1))

    @classmethod
    def from_config(cls, _cfg: Mapping[str, Any], input_shape: Sequence[FeatureShape]) -> dict[str, Any]:
        """Arguments that PaddleDetection's factory derives from the backbone."""
        return {"in_channels": [shape.channels for shape in input_shape]}

    @property
    def out_shape(self) -> list[FeatureShape]:
        """Channels and strides of the pyramid."""
        return [FeatureShape(self._hidden, stride) for stride in (8, 16, 32)]

    def _pyramid(self, feats: list[Tensor]) -> list[Tensor]:
        """Top-down, then bottom-up fusion of the projected maps."""
        inner = [feats[-1]]
        for lateral, block, low in zip(self.lateral_convs, self.fpn_blocks, reversed(feats[:-1]), strict=True):
            inner[0] = lateral(inner[0])
            up = F.interpolate(inner[0], size=low.shape[2:], mode="nearest")
            inner.insert(0, block(paddle.concat([up, low], axis=1)))
        outer = [inner[0]]
        for down, block, high in zip(self.downsample_convs, self.pan_blocks, inner[1:], strict=True):
            outer.append(block(paddle.concat([down(outer[-1]), high], axis=1)))
        return outer

    def forward(self, feats: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Fuses the maps.

        Args:
            feats: The backbone's maps at strides 4, 8, 16, 32.

        Returns:
            The pyramid (three maps of ``hidden_dim`` channels) and the prototypes [B, num_prototypes, H / 4, W / 4].
        """
        stride4, *levels = feats
        projected = [project(feat) for project, feat in zip(self.input_proj, levels, strict=True)]
        k = self._attention_level
        projected[k] = self.encoder[0](projected[k])
        pyramid = self._pyramid(projected)
        mask = self.mask_feat_head(pyramid)
        mask = F.interpolate(mask, size=stride4.shape[2:], mode="bilinear", align_corners=False)
        return pyramid, self.enc_mask_output(mask + self.enc_mask_lateral(stride4))
