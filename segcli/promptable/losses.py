"""Losses of promptable segmentation (SAM, section 3 and appendix A: Losses and training)."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
import paddle.nn.functional as F

from segcli.models import operators
from segcli.models.operators.mask_loss import ALPHA, MaskLoss


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss; the defaults are the paper's.

    Attributes:
        focal: Weight of the focal loss.
        dice: Weight of the Dice loss.
        iou: Weight of the error of the predicted IoU.
    """

    focal: float = 20.0
    dice: float = 1.0
    iou: float = 1.0


def focal_loss(
    logits: paddle.Tensor, targets: paddle.Tensor, alpha: float = ALPHA, gamma: float = 2.0
) -> paddle.Tensor:
    """Focal loss of each mask (Lin et al. 2017, arXiv:1708.02002), pixel by pixel, then the mean.

    Args:
        logits: ``[..., H, W]`` float32.
        targets: Same shape, 0..1: the share of each pixel that is foreground.
        alpha: Weight of the foreground; the background has ``1 - alpha``.
        gamma: Focusing exponent: how strongly pixels that are classified well are down-weighted.

    Returns:
        Mean loss of each mask, ``[...]``.
    """
    probability = F.sigmoid(logits)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    agreement = probability * targets + (1 - probability) * (1 - targets)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return (weight * (1 - agreement) ** gamma * cross_entropy).mean(axis=[-2, -1])


def dice_loss(logits: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
    """1 minus the Dice coefficient (Milletari et al. 2016, arXiv:1606.04797), ``[..., H, W]`` to ``[...]``."""
    probability = F.sigmoid(logits)
    shared = (probability * targets).sum(axis=[-2, -1])
    total = probability.sum(axis=[-2, -1]) + targets.sum(axis=[-2, -1])
    return 1 - (2 * shared + 1) / (total + 1)


@paddle.no_grad()
def true_iou(logits: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
    """IoU of the masks above 0 with the pixels mostly covered, ``[..., H, W]`` to ``[...]``; 1 where both are empty."""
    answers, targets = (logits > 0).astype("float32"), (targets >= 0.5).astype("float32")
    shared = (answers * targets).sum(axis=[-2, -1])
    either = answers.sum(axis=[-2, -1]) + targets.sum(axis=[-2, -1]) - shared
    return paddle.where(either > 0, shared / paddle.clip(either, min=1.0), paddle.ones_like(either))


def prompt_loss(
    logits: paddle.Tensor, iou: paddle.Tensor, targets: paddle.Tensor, weights: LossWeights | None = None
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Loss of the predictions for B prompts with K masks each.

    Only the best mask of each prompt contributes to the mask loss, so that the others can represent other objects; the
    predicted IoU of all masks contributes, so that one can be chosen by it.

    Args:
        logits: ``[B, K, H, W]`` float32.
        iou: ``[B, K]`` predicted IoU.
        targets: ``[B, H, W]`` float32, 0..1.
        weights: Weights of the parts; None for the defaults.

    Returns:
        The mean over prompts (a scalar), and which mask was best, ``[B]`` int64.
    """
    weights = weights or LossWeights()
    spread = targets.unsqueeze(1).expand_as(logits)
    if operators.is_ours(logits):
        shape: paddle.Tensor = MaskLoss.apply(logits, targets, weights.focal, weights.dice)
    else:
        shape = weights.focal * focal_loss(logits, spread) + weights.dice * dice_loss(logits, spread)
    accuracy = (iou - true_iou(logits, spread)).square().mean(axis=1)
    return (shape.min(axis=1) + weights.iou * accuracy).mean(), shape.argmin(axis=1)
