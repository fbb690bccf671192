"""Losses that PaddleSeg lacks, and their registration with its builder."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from segcli.models import operators
from segcli.models.operators.cross_entropy import are_known
from segcli.models.operators.dice import BatchDice


class BatchDiceLoss(nn.Layer):
    """Dice loss per class over all images of a batch together, averaged over the classes.

    PaddleSeg's `DiceLoss` computes it per image, where classes that are absent from the image count as well: with
    few pixels or many classes most of its terms are of absent classes.

    Args:
        ignore_index: Mask id of the pixels that are ignored.
        smooth: Added to numerator and denominator.
    """

    def __init__(self, ignore_index: int = 255, smooth: float = 1.0) -> None:
        super().__init__()
        self._ignore_index = ignore_index
        self._smooth = smooth

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of logits [N, C, H, W] and labels [N, H, W]."""
        if operators.is_ours(logits) and are_known(labels, logits.shape[1], self._ignore_index):
            pixels = labels.flatten(1)
            out: Tensor = BatchDice.apply(logits.flatten(2), pixels, self._ignore_index, self._smooth)
            return out
        counted = labels != self._ignore_index
        known = paddle.where(counted, labels, paddle.zeros_like(labels))
        weight = counted.astype("float32").unsqueeze(1)
        truth = F.one_hot(known, logits.shape[1]).transpose([0, 3, 1, 2]) * weight
        found = F.softmax(logits, axis=1) * weight
        common = (truth * found).sum([0, 2, 3])
        return 1 - ((2 * common + self._smooth) / ((truth + found).sum([0, 2, 3]) + self._smooth)).mean()


def register_losses() -> None:
    """Registers the losses with PaddleSeg's builder; a second call changes nothing."""
    from paddleseg.cvlibs import manager

    if BatchDiceLoss.__name__ not in manager.LOSSES.components_dict:
        manager.LOSSES.add_component(BatchDiceLoss)
