"""The LSeg network and its sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.promptable.lseg.dpt import Backbone, Scratch
from segcli.models.promptable.lseg.text_encoder import TextEncoder
from segcli.models.promptable.lseg.vit import VisionTransformer
from segcli.models.promptable.sums import unit_vectors

PATCH_SIZE = 16
TEMPERATURE = 0.07
"""A constant in the original: never trained, absent from its file."""


@dataclass(frozen=True)
class LSegConfig:
    """The size of an LSeg.

    Attributes:
        dim: Width of the ViT.
        depth: Blocks of the ViT.
        num_heads: Attention heads of the ViT.
        grid: Side in patches of the images that the positional embedding was learnt for.
        hooks: Blocks whose output is used.
        channels: Channels of the four reassembled maps.
        features: Channels of the fusion.
        shared_dim: Width of the space of images and texts.
        text_width: Width of the text transformer.
        text_depth: Blocks of the text transformer.
        text_heads: Attention heads of the text transformer.
        image_size: Side of the square input in pixels.
    """

    dim: int
    depth: int
    num_heads: int
    grid: int
    hooks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]
    features: int
    shared_dim: int
    text_width: int
    text_depth: int
    text_heads: int
    image_size: int

    def tokens(self, side: int) -> int:
        """Number of values in the ViT's outputs for one square image of this side in pixels."""
        return len(self.hooks) * (1 + (side // PATCH_SIZE) ** 2) * self.dim


VIT_L_16 = LSegConfig(
    1024, 24, 16, 24, (5, 11, 17, 23), (256, 512, 1024, 1024), 256, 512, text_width=512, text_depth=12, text_heads=8,
    image_size=640,
)  # fmt: skip
TINY = LSegConfig(
    64, 4, 4, 4, (0, 1, 2, 3), (16, 32, 64, 64), 32, 32, text_width=48, text_depth=2, text_heads=4, image_size=96
)  # fmt: skip


class LSeg(nn.Layer):
    """Text encoder and pixel encoder with a common embedding space.

    Attributes:
        config: Its size.
    """

    def __init__(self, config: LSegConfig) -> None:
        super().__init__()
        self.config = config
        self.clip_pretrained = TextEncoder(config.text_width, config.text_depth, config.text_heads, config.shared_dim)
        vit = VisionTransformer(config.dim, config.depth, config.num_heads, config.grid, hooks=config.hooks)
        self.pretrained = Backbone(vit, config.dim, config.channels)
        self.scratch = Scratch(config.channels, config.features, config.shared_dim)

    def encode_text(self, tokens: paddle.Tensor) -> paddle.Tensor:
        """Maps token ids ``[K, 77]`` to unit vectors ``[K, D]``."""
        return F.normalize(self.clip_pretrained(tokens), axis=-1)

    def encode_image(self, image: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[B, 3, H, W]`` (sides divisible by 32) to unit vectors of pixels, ``[B, D, H / 2, W / 2]``."""
        return unit_vectors(self.scratch(self.pretrained(image)))

    def encode_tokens(self, tokens: Sequence[paddle.Tensor], rows: int, columns: int) -> paddle.Tensor:
        """The rest of `encode_image`, from the outputs of the ViT for a grid of ``rows`` x ``columns`` patches."""
        return unit_vectors(self.scratch(self.pretrained.reassemble(tokens, rows, columns)))

    def compare(self, pixels: paddle.Tensor, texts: paddle.Tensor) -> paddle.Tensor:
        """Maps pixels ``[B, D, h, w]`` and texts ``[K, D]`` to logits ``[B, K, 2 * h, 2 * w]``."""
        rows, columns = pixels.shape[2], pixels.shape[3]
        logits = paddle.matmul(texts.unsqueeze(0), pixels.flatten(2)) / TEMPERATURE
        logits = logits.reshape([-1, texts.shape[0], rows, columns])
        return F.interpolate(logits, size=[2 * rows, 2 * columns], mode="bilinear", align_corners=True)

    def forward(self, image: paddle.Tensor, tokens: paddle.Tensor) -> paddle.Tensor:
        """Scores every pixel against every text.

        Args:
            image: ``[B, 3, H, W]`` float32, normalised; H and W divisible by 32.
            tokens: ``[K, 77]`` token ids of the K texts.

        Returns:
            ``[B, K, H, W]`` float32 logits.
        """
        return self.compare(self.encode_image(image), self.encode_text(tokens))


class PixelGraph(nn.Layer):
    """The image encoder, sharing the parameters of an `LSeg`: a graph to export."""

    def __init__(self, lseg: LSeg) -> None:
        super().__init__()
        self.pretrained, self.scratch = lseg.pretrained, lseg.scratch

    def forward(self, image: paddle.Tensor) -> paddle.Tensor:
        """As `LSeg.encode_image`."""
        return unit_vectors(self.scratch(self.pretrained(image)))


class TextGraph(nn.Layer):
    """The text encoder, sharing the parameters of an `LSeg`: a graph to export."""

    def __init__(self, lseg: LSeg) -> None:
        super().__init__()
        self.clip_pretrained = lseg.clip_pretrained

    def forward(self, tokens: paddle.Tensor) -> paddle.Tensor:
        """As `LSeg.encode_text`."""
        return F.normalize(self.clip_pretrained(tokens), axis=-1)
