"""Box geometry of the instance networks, on Paddle tensors.

Boxes are ``xyxy`` (x1, y1, x2, y2) or ``cxcywh`` (centre, size); the last axis always has length 4.
"""

from __future__ import annotations

from typing import NamedTuple

import paddle
from paddle import Tensor


class FeatureShape(NamedTuple):
    """The description of one output of a layer; PaddleDetection's factories read the same two attributes."""

    channels: int
    stride: int


def cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """Corners of boxes given by centre and size."""
    centre, size = paddle.split(boxes, 2, axis=-1)
    return paddle.concat([centre - 0.5 * size, centre + 0.5 * size], axis=-1)


def xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    """Centre and size of boxes given by corners."""
    low, high = paddle.split(boxes, 2, axis=-1)
    return paddle.concat([(low + high) / 2, high - low], axis=-1)


def inverse_sigmoid(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Logit of ``x`` in [0, 1], with both ``x`` and ``1 - x`` at least ``eps``."""
    x = x.clip(min=0.0, max=1.0)
    return paddle.log(x.clip(min=eps) / (1 - x).clip(min=eps))


def _overlap(a: Tensor, b: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Intersection and union areas [..., 1] of broadcastable ``xyxy`` boxes."""
    a_low, a_high = paddle.split(a, 2, axis=-1)
    b_low, b_high = paddle.split(b, 2, axis=-1)
    size = (paddle.minimum(a_high, b_high) - paddle.maximum(a_low, b_low)).clip(0)
    inter = size.prod(-1, keepdim=True)
    union = (a_high - a_low).prod(-1, keepdim=True) + (b_high - b_low).prod(-1, keepdim=True) - inter + eps
    return inter, union


def box_iou(a: Tensor, b: Tensor, eps: float = 1e-9) -> Tensor:
    """Intersection over union [..., 1] of broadcastable ``xyxy`` boxes."""
    inter, union = _overlap(a, b, eps)
    return inter / union


def giou_loss(a: Tensor, b: Tensor, eps: float = 1e-10) -> Tensor:
    """1 - generalised IoU (Rezatofighi et al. 2019, eq. 2), [..., 1], of broadcastable ``xyxy`` boxes."""
    inter, union = _overlap(a, b, eps)
    a_low, a_high = paddle.split(a, 2, axis=-1)
    b_low, b_high = paddle.split(b, 2, axis=-1)
    hull = (paddle.maximum(a_high, b_high) - paddle.minimum(a_low, b_low)).prod(-1, keepdim=True) + eps
    out: Tensor = 1 - (inter / union - (hull - union) / hull)
    return out


def masks_to_boxes(masks: Tensor) -> Tensor:
    """Normalised ``cxcywh`` boxes [B, N, 4] around the true pixels of ``masks`` [B, N, H, W] (bool).

    An empty mask gives the box (0, 0, 0, 0).
    """
    height, width = masks.shape[-2:]
    columns = masks.any(axis=-2).astype("float32")
    rows = masks.any(axis=-1).astype("float32")
    x1, x2 = _first_and_last(columns, width)
    y1, y2 = _first_and_last(rows, height)
    filled = columns.max(axis=-1, keepdim=True)
    size = paddle.to_tensor([width, height, width, height], dtype="float32")
    return xyxy_to_cxcywh(paddle.stack([x1, y1, x2, y2], axis=-1) * filled / size)


def _first_and_last(occupied: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First and one-past-last occupied index of [B, N, length] (0 or 1)."""
    index = paddle.arange(length, dtype="float32")
    last = (index * occupied).max(axis=-1) + 1
    first = (index * occupied + (1 - occupied) * length).min(axis=-1)
    return first, last
