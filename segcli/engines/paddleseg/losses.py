"""Losses that PaddleSeg lacks, made known to its builder."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn


class BatchDiceLoss(nn.Layer):
    """Dice of each class over all images of a batch together, and the mean of the classes.

    PaddleSeg's `DiceLoss` takes each image by itself, where a class that the image does not hold counts as well: with
    few pixels or many classes most of its terms are of that kind.

    Args:
        ignore_index: Mask id that counts nowhere.
        smooth: Added to both sides of the fraction.
    """

    def __init__(self, ignore_index: int = 255, smooth: float = 1.0) -> None:
        super().__init__()
        self._ignore_index = ignore_index
        self._smooth = smooth

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of logits [N, C, H, W] and labels [N, H, W]."""
        counted = labels != self._ignore_index
        known = paddle.where(counted, labels, paddle.zeros_like(labels))
        weight = counted.astype("float32").unsqueeze(1)
        truth = F.one_hot(known, logits.shape[1]).transpose([0, 3, 1, 2]) * weight
        found = F.softmax(logits, axis=1) * weight
        common = (truth * found).sum([0, 2, 3])
        return 1 - ((2 * common + self._smooth) / ((truth + found).sum([0, 2, 3]) + self._smooth)).mean()


def register_losses() -> None:
    """Makes the losses known to PaddleSeg's builder; a second call changes nothing."""
    from paddleseg.cvlibs import manager

    if BatchDiceLoss.__name__ not in manager.LOSSES.components_dict:
        manager.LOSSES.add_component(BatchDiceLoss)
