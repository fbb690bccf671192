"""Cuts a large image encoder into graphs that each stay below the 2 GB that an ONNX file can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import paddle
from paddle import nn

from segcli.models.promptable.sam.image_encoder import ImageEncoder

LIMIT_BYTES = 1_800_000_000
_FLOAT_BYTES = 4


class EncoderPart(nn.Layer):
    """Some blocks of an encoder, sharing its parameters; the first part has the patch embedding, the last the neck."""

    def __init__(self, encoder: ImageEncoder, blocks: Sequence[nn.Layer], *, is_first: bool, is_last: bool) -> None:
        super().__init__()
        self.blocks = nn.LayerList(list(blocks))
        self.is_first, self.is_last = is_first, is_last
        if is_first:
            self.patch_embed, self.pos_embed = encoder.patch_embed, encoder.pos_embed
        if is_last:
            self.neck = encoder.neck

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[1, 3, S, S]`` (first) or ``[1, g, g, C]`` to ``[1, g, g, C]`` or the embedding (last)."""
        if self.is_first:
            x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.transpose([0, 3, 1, 2])) if self.is_last else x


def encoder_parts(encoder: nn.Layer, limit_bytes: int = LIMIT_BYTES) -> list[nn.Layer]:
    """The encoder itself where it is small enough, else parts to be run one after the other.

    Args:
        encoder: Any encoder; only SAM's plain ViT can be cut, the others are small.
        limit_bytes: Largest size of a part's parameters in bytes.
    """
    size = _FLOAT_BYTES * sum(int(parameter.size) for parameter in encoder.parameters())
    count = math.ceil(size / limit_bytes)
    if count == 1 or not isinstance(encoder, ImageEncoder):
        return [encoder]
    blocks = list(encoder.blocks)
    bounds = [index * len(blocks) // count for index in range(count + 1)]
    return [
        EncoderPart(encoder, blocks[first:end], is_first=first == 0, is_last=end == len(blocks))
        for first, end in pairwise(bounds)
    ]
