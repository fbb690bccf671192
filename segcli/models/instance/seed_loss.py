"""The losses of the U-Net that finds objects by their cores."""

from __future__ import annotations

from collections.abc import Mapping

import paddle
from paddle import Tensor
from paddle.nn import functional as F

Losses = dict[str, Tensor]


def seed_losses(classes: Tensor, core: Tensor, inputs: Mapping[str, Tensor]) -> Losses:
    """Each loss, and their sum ``loss``: cross entropy and Dice of the classes, as for UNet-S, and of the cores.

    Args:
        classes: Logits of the background and the classes [B, 1 + C, H, W].
        core: Logits of the depth in the object [B, 1, H, W].
        inputs: ``gt_label`` int64 [B, H, W], 0 for the background, and ``gt_core`` float32 [B, H, W] in 0..1.
    """
    label, wanted = inputs["gt_label"], inputs["gt_core"]
    found = {
        "loss_class": F.cross_entropy(classes, label, axis=1),
        "loss_dice": _dice(F.softmax(classes, axis=1), label),
        "loss_core": F.binary_cross_entropy_with_logits(core.squeeze(1), wanted),
    }
    return {**found, "loss": paddle.add_n(list(found.values()))}


def _dice(probability: Tensor, label: Tensor) -> Tensor:
    """Dice loss over the whole batch, averaged over the classes, so that classes with few pixels count equally."""
    wanted = F.one_hot(label, probability.shape[1]).transpose([0, 3, 1, 2])
    common = (probability * wanted).sum([0, 2, 3])
    return (1 - (2 * common + 1) / (probability.sum([0, 2, 3]) + wanted.sum([0, 2, 3]) + 1)).mean()
