"""Focal and Dice loss of answered masks with their gradient, one mask after the other while it is in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from paddle import Tensor
from paddle.autograd import PyLayer

from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings

ALPHA = 0.25
"""Weight of the foreground in the focal loss, whose exponent is 2."""


class MaskLoss(PyLayer):
    """Weighted sum [B, K] of focal and Dice loss of logits [B, K, H, W], K masks for each of the targets [B, H, W].

    As `segcli.promptable.losses` defines them; targets are from 0 to 1. Values differ by rounding.
    """

    @staticmethod
    @without_warnings()
    def forward(ctx: Any, logits: Tensor, targets: Tensor, focal: float, dice: float) -> Tensor:
        """See the class."""
        given, truth = array_of(logits.contiguous()), array_of(targets.contiguous())
        truth = np.broadcast_to(truth, (len(given), *given.shape[2:]))
        gradient, losses = np.empty_like(given), np.empty(given.shape[:2], np.float32)
        for prompt, target in enumerate(truth):
            weights = focal / target.size * ((1 - ALPHA) + (2 * ALPHA - 1) * target)
            for mask in range(given.shape[1]):
                place = prompt, mask
                losses[place] = _write_gradient(gradient[place], given[place], target, weights, dice)
        ctx.gradient = gradient
        return tensor_of(losses)

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        """The gradient of the logits."""
        return tensor_of(np.multiply(ctx.gradient, array_of(upstream)[..., None, None], out=empty(ctx.gradient.shape)))


def _write_gradient(
    gradient: FloatArray, logits: FloatArray, target: FloatArray, weights: FloatArray, dice: float
) -> float:
    """Writes the gradient [H, W] of the loss of one mask, and returns the loss.

    Args:
        gradient: Where it is written.
        logits: Of the mask.
        target: From 0 to 1.
        weights: Of each pixel's focal loss.
        dice: Weight of the Dice loss.
    """
    small = np.exp(-np.abs(logits))
    found = np.where(logits >= 0, np.float32(1), small) / (1 + small)
    entropy = (np.maximum(logits, 0) - logits * target) + np.log1p(small)
    slope, turn = found * (1 - found), 1 - 2 * target
    wrong = target + found * turn
    weighed = weights * wrong
    common, total = float((found * target).sum()), float(found.sum()) + float(target.sum())
    overlap = (2 * common + 1) / (total + 1)
    np.multiply(weighed, 2 * slope * turn * entropy + wrong * (found - target), out=gradient)
    gradient += (dice / (total + 1)) * slope * (overlap - 2 * target)
    return float((weighed * wrong * entropy).sum()) + dice * (1 - overlap)
