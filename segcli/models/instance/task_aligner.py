"""Task-aligned assignment (Feng et al. 2021, TOOD, section 3.2) that also returns each anchor's object."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import box_iou


@dataclass(frozen=True)
class Assignment:
    """The target of each of the L anchors.

    Attributes:
        labels: [B, L] int64; meaningless for background.
        boxes: [B, L, 4], ``xyxy``.
        scores: Target score of the anchor's class, 0 for background, [B, L].
        objects: Index of the object among the image's own, [B, L]; 0 for background.
        positive: Whether the anchor has an object, bool [B, L].
    """

    labels: Tensor
    boxes: Tensor
    scores: Tensor
    objects: Tensor
    positive: Tensor


class IndexedTaskAligner(nn.Layer):
    """Assigns to each object the ``topk`` anchors inside it with the best ``score^alpha * iou^beta``.

    An anchor selected by several objects goes to the one with the largest IoU. ``eps`` only prevents 0 / 0: with
    PaddleDetection's 1e-9 objects much smaller than the first random boxes (IoU 0.02, aligned to 1e-12) have no target
    and are never learnt.
    """

    def __init__(self, topk: int = 13, alpha: float = 1.0, beta: float = 6.0, eps: float = 1e-30) -> None:
        super().__init__()
        self._topk, self._alpha, self._beta, self._eps = topk, alpha, beta, eps

    def forward(
        self,
        scores: Tensor,
        boxes: Tensor,
        anchors: Tensor,
        *,
        gt_labels: Tensor,
        gt_boxes: Tensor,
        gt_filled: Tensor,
    ) -> Assignment:
        """Computes the assignment.

        Args:
            scores: Predicted probabilities [B, L, C].
            boxes: Predicted boxes [B, L, 4], ``xyxy``, pixels.
            anchors: Anchor centres [L, 2], pixels.
            gt_labels: [B, n, 1], n >= 1.
            gt_boxes: [B, n, 4], ``xyxy``, pixels.
            gt_filled: 1 where an object is there, 0 for padding, [B, n, 1].

        Returns:
            The assignment; nothing in it carries a gradient.
        """
        with paddle.no_grad():
            iou = box_iou(gt_boxes.unsqueeze(2), boxes.unsqueeze(1)).squeeze(-1)  # [B, n, L]
            wanted = F.one_hot(gt_labels.squeeze(-1).astype("int64"), scores.shape[2])
            class_scores = paddle.matmul(wanted, scores, transpose_y=True)
            alignment = class_scores.pow(self._alpha) * iou.pow(self._beta)
            inside = _inside(anchors, gt_boxes)
            chosen = self._best(alignment * inside) * inside * gt_filled
            chosen = _resolve(chosen, iou)
            return self._assignment(chosen, alignment, iou, gt_labels, gt_boxes)

    def _best(self, metric: Tensor) -> Tensor:
        """1 at the ``topk`` largest values of each row [B, n, L]."""
        length = metric.shape[-1]
        _, index = paddle.topk(metric, min(self._topk, length), axis=-1)
        return paddle.put_along_axis(paddle.zeros_like(metric), index, 1.0, axis=-1)

    def _assignment(
        self, chosen: Tensor, alignment: Tensor, iou: Tensor, gt_labels: Tensor, gt_boxes: Tensor
    ) -> Assignment:
        objects = chosen.argmax(axis=1)  # [B, L]
        positive = chosen.sum(axis=1) > 0
        labels = paddle.take_along_axis(gt_labels.squeeze(-1).astype("int64"), objects, axis=1, broadcast=False)
        boxes = paddle.take_along_axis(gt_boxes, objects.unsqueeze(-1).tile([1, 1, 4]), axis=1, broadcast=False)
        # scale each object's alignments so that the target of its best anchor is its best IoU (ibid., eq. 3)
        alignment = alignment * chosen
        best_iou = (iou * chosen).max(axis=-1, keepdim=True)
        scores = (alignment / (alignment.max(axis=-1, keepdim=True) + self._eps) * best_iou).max(axis=1)
        return Assignment(labels, boxes, scores, objects, positive)


def _inside(points: Tensor, boxes: Tensor, eps: float = 1e-9) -> Tensor:
    """1 where a point [L, 2] lies inside a box [B, n, 4]: [B, n, L]."""
    low, high = paddle.split(boxes.unsqueeze(2), 2, axis=-1)
    gaps = paddle.concat([points - low, high - points], axis=-1)
    return (gaps.min(axis=-1) > eps).astype(boxes.dtype)


def _resolve(chosen: Tensor, iou: Tensor) -> Tensor:
    """Keeps an anchor that several objects selected only for the one with the largest IoU."""
    contested = chosen.sum(axis=1, keepdim=True) > 1
    largest = F.one_hot(iou.argmax(axis=1), iou.shape[1]).transpose([0, 2, 1])
    return paddle.where(contested.expand_as(chosen), largest, chosen)
