"""The Segment Anything network and its sizes."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import nn

from segcli.models.promptable.sam.image_encoder import ImageEncoder
from segcli.models.promptable.sam.mask_decoder import MaskDecoder
from segcli.models.promptable.sam.prompt_encoder import PromptEncoder
from segcli.models.promptable.sam.tiny_vit import TinyViT


@dataclass(frozen=True)
class SamConfig:
    """The size of a SAM with a plain ViT.

    Attributes:
        embed_dim: Width of the encoder.
        depth: Blocks of the encoder.
        num_heads: Heads of the encoder.
        global_blocks: Encoder blocks without windows.
        image_size: Side of the model's input in pixels.
        patch_size: Side of a patch in pixels.
        window_size: Side of an attention window in patches.
        prompt_dim: Width of prompt encoder and decoder.
        mlp_dim: Hidden width of the decoder.
        iou_hidden: Hidden width of the IoU head.
        rasterized_prompts: Whether prompts also reach the decoder as small images.
    """

    embed_dim: int
    depth: int
    num_heads: int
    global_blocks: tuple[int, ...]
    image_size: int = 1024
    patch_size: int = 16
    window_size: int = 14
    prompt_dim: int = 256
    mlp_dim: int = 2048
    iou_hidden: int = 256
    rasterized_prompts: bool = False


VIT_B = SamConfig(768, 12, 12, (2, 5, 8, 11))
VIT_L = SamConfig(1024, 24, 16, (5, 11, 17, 23))
VIT_H = SamConfig(1280, 32, 16, (7, 15, 23, 31))
TINY = SamConfig(
    64, 3, 4, (2,), image_size=256, patch_size=8, window_size=8, prompt_dim=64, mlp_dim=128, iou_hidden=32,
    rasterized_prompts=True,
)  # fmt: skip
"""Small enough to train on a CPU from random weights; its embedding is 1/8 of the image's size, for small objects."""


class Sam(nn.Layer):
    """Image encoder, prompt encoder and mask decoder.

    Attributes:
        image_size: Side of the square input in pixels.
        grid: Side of the image embedding.
    """

    def __init__(
        self,
        image_encoder: nn.Layer,
        *,
        image_size: int,
        grid: int,
        prompt_dim: int,
        mlp_dim: int,
        iou_hidden: int,
        rasterized_prompts: bool = False,
    ) -> None:
        super().__init__()
        self.image_size, self.grid = image_size, grid
        self.image_encoder = image_encoder
        self.prompt_encoder = PromptEncoder(prompt_dim, image_size, grid, rasterized_prompts=rasterized_prompts)
        self.mask_decoder = MaskDecoder(prompt_dim, mlp_dim, iou_hidden)

    def forward(
        self,
        image_embedding: paddle.Tensor,
        coords: paddle.Tensor,
        labels: paddle.Tensor,
        mask: paddle.Tensor,
        has_mask: paddle.Tensor,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Predicts masks from the prompts of B objects on an encoded image; boxes, points and masks in one graph.

        Args:
            image_embedding: ``[1 or B, dim, grid, grid]`` from `image_encoder`.
            coords: ``[B, N, 2]`` float32 in model pixels.
            labels: ``[B, N]``: 1 foreground, 0 background, 2 and 3 the corners of a box, -1 padding.
            mask: ``[1 or B, 1, 4 * grid, 4 * grid]`` logits of an earlier prediction.
            has_mask: ``[1 or B]`` float32, 1 where `mask` is used, else 0.

        Returns:
            ``[B, 4, 4 * grid, 4 * grid]`` mask logits and ``[B, 4]`` predicted IoU; see `MaskDecoder.forward`.
        """
        return _answer(self.prompt_encoder, self.mask_decoder, image_embedding, (coords, labels, mask, has_mask))


class PromptDecoder(nn.Layer):
    """Everything but the image encoder, sharing the parameters of a `Sam`: the graph to export."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder, self.mask_decoder = sam.prompt_encoder, sam.mask_decoder

    def forward(
        self,
        image_embedding: paddle.Tensor,
        coords: paddle.Tensor,
        labels: paddle.Tensor,
        mask: paddle.Tensor,
        has_mask: paddle.Tensor,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """As `Sam.forward`."""
        return _answer(self.prompt_encoder, self.mask_decoder, image_embedding, (coords, labels, mask, has_mask))


def _answer(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    image_embedding: paddle.Tensor,
    prompts: tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor, paddle.Tensor],
) -> tuple[paddle.Tensor, paddle.Tensor]:
    sparse, dense = prompt_encoder(*prompts)
    masks, iou = mask_decoder(image_embedding, prompt_encoder.dense_positions(), sparse, dense)
    return masks, iou


def build_sam(config: SamConfig) -> Sam:
    """A SAM with a plain ViT, randomly initialised."""
    grid = config.image_size // config.patch_size
    encoder = ImageEncoder(
        image_size=config.image_size,
        patch_size=config.patch_size,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        global_blocks=config.global_blocks,
        window_size=config.window_size,
        out_channels=config.prompt_dim,
    )
    return Sam(
        encoder,
        image_size=config.image_size,
        grid=grid,
        prompt_dim=config.prompt_dim,
        mlp_dim=config.mlp_dim,
        iou_hidden=config.iou_hidden,
        rasterized_prompts=config.rasterized_prompts,
    )


def build_mobile_sam() -> Sam:
    """MobileSAM, randomly initialised."""
    return Sam(TinyViT(), image_size=1024, grid=64, prompt_dim=256, mlp_dim=2048, iou_hidden=256)
