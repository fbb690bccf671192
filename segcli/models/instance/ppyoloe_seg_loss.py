"""The losses of PP-YOLOE_seg: varifocal, GIoU, distribution focal and mask loss on task-aligned anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import giou_loss
from segcli.models.instance.crowds import without_crowds
from segcli.models.instance.task_aligner import Assignment

if TYPE_CHECKING:
    from segcli.models.instance.anchor_prediction import AnchorPrediction

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class PaddedTargets:
    """The objects of a batch, padded to the largest count n.

    Attributes:
        labels: [B, n, 1] int64.
        boxes: [B, n, 4], ``xyxy``, pixels of the network's input.
        masks: [B, n, H, W] float, 0 or 1.
        filled: [B, n, 1] float, 0 for padding.
    """

    labels: Tensor
    boxes: Tensor
    masks: Tensor
    filled: Tensor

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> PaddedTargets:
        """From ``gt_class``, ``gt_bbox``, ``gt_segm`` of the reader, padded (with ``pad_gt_mask``) or lists.

        Objects that ``is_crowd`` marks count as padding.
        """
        if "pad_gt_mask" in inputs:
            classes, boxes, masks = inputs["gt_class"], inputs["gt_bbox"], inputs["gt_segm"]
            filled = _stacked(inputs["pad_gt_mask"], "float32")
            if "is_crowd" in inputs:
                crowd = _stacked(inputs["is_crowd"], "float32").reshape(filled.shape)
                filled = filled * (crowd == 0).astype("float32")
        else:
            inputs = without_crowds(inputs)
            classes, boxes, masks = inputs["gt_class"], inputs["gt_bbox"], inputs["gt_segm"]
            filled = _stacked(_pad([paddle.ones([len(label), 1]) for label in classes]), "float32")
            classes, boxes, masks = _pad(classes), _pad(boxes), _pad(masks)
        return cls(_stacked(classes, "int64"), _stacked(boxes, "float32"), _stacked(masks, "float32"), filled)


def _stacked(values: Any, dtype: str) -> Tensor:
    if not isinstance(values, paddle.Tensor):
        values = paddle.stack(list(values))
    out: Tensor = values.astype(dtype)
    return out


def _pad(values: Sequence[Tensor]) -> list[Tensor]:
    """Appends zeros to each [n_i, ...] up to the largest count."""
    largest = max(len(v) for v in values)
    return [
        paddle.concat([v, paddle.zeros([largest - len(v), *v.shape[1:]], dtype=v.dtype)]) if len(v) < largest else v
        for v in values
    ]


class PrototypeLoss(nn.Layer):
    """Sum of the weighted losses, each a sum over anchors divided by the sum of the target scores.

    Args:
        assigner: An `IndexedTaskAligner`.
        num_classes: Classes.
        weights: Weights of ``class``, ``iou``, ``dfl``, ``mask``; missing ones have PaddleX's value.
    """

    def __init__(self, assigner: Any, num_classes: int, weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.assigner = assigner
        self._num_classes = num_classes
        self._weights = {"class": 1.0, "iou": 2.5, "dfl": 0.5, "mask": 2.5, **(weights or {})}

    def forward(self, prediction: AnchorPrediction, boxes: Tensor, inputs: Mapping[str, Any]) -> Losses:
        """Losses by name.

        Args:
            prediction: Output of the head.
            boxes: Decoded boxes [B, L, 4] in units of the stride.
            inputs: The reader's ground truth.
        """
        targets = PaddedTargets.from_inputs(inputs)
        if targets.labels.shape[1] == 0:
            empty = paddle.zeros_like(prediction.scores)
            # the other processes reduce their sums as well, and would wait for this one for ever
            total_score = _shared_sum(empty.sum())
            loss_cls = _varifocal(prediction.scores, empty, empty) / total_score
            return self._total(loss_cls, *self._nothing(prediction))
        strides = prediction.strides
        assigned: Assignment = self.assigner(
            prediction.scores.detach(),
            boxes.detach() * strides,
            prediction.centres * strides,
            gt_labels=targets.labels,
            gt_boxes=targets.boxes,
            gt_filled=targets.filled,
        )
        total_score = _shared_sum(assigned.scores.sum())
        positive = assigned.positive.unsqueeze(-1).astype("float32")
        label = F.one_hot(assigned.labels, self._num_classes) * positive
        loss_cls = _varifocal(prediction.scores, assigned.scores.unsqueeze(-1) * label, label) / total_score
        where = paddle.nonzero(assigned.positive)  # rows of (image, anchor)
        if where.shape[0] == 0:
            return self._total(loss_cls, *self._nothing(prediction))

        weight = paddle.gather_nd(assigned.scores, where).unsqueeze(-1)
        true_boxes = paddle.gather_nd(assigned.boxes / strides, where)
        found_boxes = paddle.gather_nd(boxes, where)
        loss_iou = (giou_loss(found_boxes, true_boxes) * weight).sum() / total_score
        loss_l1 = F.l1_loss(found_boxes.detach(), true_boxes)
        loss_dfl = (self._distribution_loss(prediction, where, true_boxes) * weight).sum() / total_score
        image_size = (inputs["image"].shape[2], inputs["image"].shape[3])
        loss_mask = _mask_loss(prediction, assigned, targets, image_size) / total_score
        return self._total(loss_cls, loss_iou, loss_dfl, loss_mask, loss_l1)

    def _total(
        self, loss_cls: Tensor, loss_iou: Tensor, loss_dfl: Tensor, loss_mask: Tensor, loss_l1: Tensor
    ) -> Losses:
        """All losses by name, with their weighted sum; the L1 loss is only reported."""
        w = self._weights
        loss = w["class"] * loss_cls + w["iou"] * loss_iou + w["dfl"] * loss_dfl + w["mask"] * loss_mask
        return {
            "loss": loss,
            "loss_cls": loss_cls,
            "loss_iou": loss_iou,
            "loss_dfl": loss_dfl,
            "loss_mask": loss_mask,
            "loss_l1": loss_l1,
        }

    @staticmethod
    def _nothing(prediction: AnchorPrediction) -> list[Tensor]:
        """Zero losses that still reach every branch, so that gradients exist on all processes."""
        zero = 0.0 * (prediction.distributions.sum() + prediction.coefficients.sum() + prediction.prototypes.sum())
        return [zero, zero, zero, zero.detach()]

    @staticmethod
    def _distribution_loss(prediction: AnchorPrediction, where: Tensor, true_boxes: Tensor) -> Tensor:
        """Distribution focal loss (Li et al. 2020, eq. 6), mean over the four sides: [P, 1].

        A distance lies between two whole numbers; the targets of both bins are its shares.
        """
        logits = paddle.gather_nd(prediction.distributions, where)
        bins = logits.shape[-1] // 4
        centres = paddle.gather(prediction.centres, where[:, 1])
        low, high = paddle.split(true_boxes, 2, axis=-1)
        distance = paddle.concat([centres - low, high - centres], axis=-1).clip(0, bins - 1 - 0.01)
        left = distance.floor()
        log_share = F.log_softmax(logits.reshape([-1, 4, bins]), axis=-1)
        share_right = (distance - left).unsqueeze(-1)
        left_hot = F.one_hot(left.astype("int64"), bins)
        right_hot = F.one_hot(left.astype("int64") + 1, bins)
        return -((left_hot * (1 - share_right) + right_hot * share_right) * log_share).sum(-1).mean(-1, keepdim=True)


def _varifocal(prob: Tensor, target: Tensor, label: Tensor, alpha: float = 0.75, gamma: float = 2.0) -> Tensor:
    """Varifocal loss (Zhang et al. 2021, eq. 2) of probabilities [B, L, C], summed."""
    weight = alpha * prob.pow(gamma) * (1 - label) + target * label
    return F.binary_cross_entropy(prob, target, weight=weight, reduction="sum")


def _shared_sum(value: Tensor) -> Tensor:
    """Mean of a sum over all processes, at least 1."""
    if paddle.distributed.get_world_size() > 1:
        paddle.distributed.all_reduce(value)
        value = value / paddle.distributed.get_world_size()
    return value.clip(min=1.0)


def _mask_loss(
    prediction: AnchorPrediction, assigned: Assignment, targets: PaddedTargets, image_size: tuple[int, int]
) -> Tensor:
    """Cross-entropy inside each positive anchor's true box, divided by the box's share of the image, summed.

    Boxes are scaled by the image's actual size.
    """
    height, width = prediction.prototypes.shape[2:]
    size = paddle.to_tensor([image_size[1], image_size[0]] * 2, dtype="float32")
    scale = paddle.to_tensor([width, height] * 2, dtype="float32") / size
    masks = F.interpolate(targets.masks, size=[height, width], mode="nearest")
    total = paddle.zeros([])
    for i in range(masks.shape[0]):
        positive = paddle.nonzero(assigned.positive[i]).flatten()
        if positive.shape[0] == 0:
            continue
        boxes = paddle.gather(assigned.boxes[i], positive)
        share = ((boxes[:, 2:] - boxes[:, :2]) / size[:2]).prod(-1)
        logits = paddle.matmul(paddle.gather(prediction.coefficients[i], positive), prediction.prototypes[i].flatten(1))
        truth = paddle.gather(masks[i].flatten(1), paddle.gather(assigned.objects[i], positive), axis=0)
        entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        inside = inside_boxes(boxes * scale, height, width).flatten(1)
        total = total + ((entropy * inside).mean(1) / share).sum()
    return total


def inside_boxes(boxes: Tensor, height: int, width: int) -> Tensor:
    """1.0 at the pixels whose indices lie in [x1, x2) x [y1, y2) of each box [N, 4]: [N, height, width]."""
    x1, y1, x2, y2 = boxes.unsqueeze(-1).unbind(1)
    x = paddle.arange(width, dtype=boxes.dtype).unsqueeze(0)
    y = paddle.arange(height, dtype=boxes.dtype).unsqueeze(0)
    columns = ((x >= x1) & (x < x2)).astype(boxes.dtype)
    rows = ((y >= y1) & (y < y2)).astype(boxes.dtype)
    return rows.unsqueeze(2) * columns.unsqueeze(1)
