"""Masks at the size of the original image, computed a few at a time, as uint8."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import Tensor
from paddle.nn import functional as F

CHUNK = 16
"""Masks held as full-size floats at once."""


def original_sizes(im_shape: Tensor, scale_factor: Tensor) -> Tensor:
    """Height and width [B, 2] of the images before resizing, whole numbers as floats.

    Args:
        im_shape: Height and width of the resized images [B, 2].
        scale_factor: Resized over original size, y then x, [B, 2].
    """
    return paddle.floor(im_shape / scale_factor + 0.5)


def image_of_rows(rows: Tensor, counts: Tensor) -> Tensor:
    """Index of the image that each of the ``rows`` [N, ...] belongs to, by the ``counts`` [B] per image: int64 [N]."""
    if not paddle.in_dynamic_mode():
        place = paddle.cumsum(paddle.ones_like(rows[:, 0]).astype("int64"))
        return (place.unsqueeze(1) > paddle.cumsum(counts.astype("int64")).unsqueeze(0)).astype("int64").sum(1)
    return paddle.repeat_interleave(paddle.arange(counts.shape[0]), counts.astype("int64"))


def upsampled_positive(logits: Tensor, height: float, width: float) -> Tensor:
    """Where bilinearly enlarged ``logits`` [N, h, w] are positive: uint8 [N, height, width]."""
    size = [int(height), int(width)]
    parts = []
    for start in range(0, int(logits.shape[0]), CHUNK):
        part = logits[start : start + CHUNK].unsqueeze(0)
        parts.append(
            (F.interpolate(part, size=size, mode="bilinear", align_corners=False) > 0).squeeze(0).astype("uint8")
        )
    return paddle.concat(parts) if parts else paddle.zeros([0, *size], dtype="uint8")


def stack_masks(masks: Sequence[Tensor]) -> Tensor:
    """Joins the masks [n, h, w] of several images, padded with zeros at the bottom and right to the largest size."""
    height = max(int(m.shape[1]) for m in masks)
    width = max(int(m.shape[2]) for m in masks)
    if all(list(m.shape[1:]) == [height, width] for m in masks):
        return paddle.concat(list(masks))
    padded = [paddle.zeros([m.shape[0], height, width], dtype=m.dtype) for m in masks]
    for whole, mask in zip(padded, masks, strict=True):
        whole[:, : mask.shape[1], : mask.shape[2]] = mask
    return paddle.concat(padded)
