"""Denoising queries (Li et al. 2022, DN-DETR, section 4): noised ground truth that the decoder must restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import paddle
from paddle import Tensor

from segcli.models.instance.boxes import inverse_sigmoid


@dataclass(frozen=True)
class DenoisingQueries:
    """The noised copies of a batch's objects, in groups that do not see each other.

    Attributes:
        content: Query content [B, D, C]; zero (padding) where an image has fewer objects than the batch's largest.
        boxes_unact: Noised boxes before the sigmoid [B, D, 4].
        attention_mask: Added to the self-attention's scores [D + Q, D + Q]: 0 or -inf.
        groups: Copies of each object.
        positions: Per image, indices of the queries that are copies of objects, group by group; int64.
    """

    content: Tensor
    boxes_unact: Tensor
    attention_mask: Tensor
    groups: int
    positions: tuple[Tensor, ...]

    @property
    def length(self) -> int:
        """Number of denoising queries per image."""
        return int(self.content.shape[1])


@dataclass(frozen=True)
class DenoisingNoise:
    """How much noise: ``labels`` is twice the share of labels replaced, ``boxes`` the scale of the shift and size."""

    queries: int = 100
    labels: float = 0.5
    boxes: float = 1.0


def make_denoising_queries(
    gt_class: Sequence[Tensor],
    gt_bbox: Sequence[Tensor],
    class_embedding: Tensor,
    noise: DenoisingNoise,
    num_queries: int,
) -> DenoisingQueries | None:
    """Makes noised copies of the ground truth.

    Args:
        gt_class: Labels [n, 1] per image.
        gt_bbox: Boxes [n, 4] per image, ``cxcywh``, normalised.
        class_embedding: One row per class, [num_classes, C].
        noise: Amount of noise, and the target number of queries.
        num_queries: Matching queries that follow the denoising ones.

    Returns:
        The queries, or None where the batch has no object or `noise.queries` is 0.
    """
    counts = [len(labels) for labels in gt_class]
    largest = max(counts)
    if noise.queries <= 0 or largest == 0:
        return None
    groups = max(1, noise.queries // largest)
    num_classes = class_embedding.shape[0]
    labels, boxes, filled = _padded(gt_class, gt_bbox, largest, num_classes)
    labels, boxes, filled = labels.tile([1, groups]), boxes.tile([1, groups, 1]), filled.tile([1, groups])
    positions = tuple(paddle.nonzero(row).flatten() for row in filled)

    labels = _noise_labels(labels, filled, noise.labels, num_classes)
    boxes_unact = inverse_sigmoid(_noise_boxes(boxes, noise.boxes))
    # one row of zeros stands for "no object", the label num_classes
    table = paddle.concat([class_embedding, paddle.zeros([1, class_embedding.shape[1]])])
    content = paddle.gather(table, labels.flatten(), axis=0).reshape([*labels.shape, -1])
    mask = _attention_mask(largest, groups, num_queries)
    return DenoisingQueries(content, boxes_unact, mask, groups, positions)


def _padded(
    gt_class: Sequence[Tensor], gt_bbox: Sequence[Tensor], largest: int, num_classes: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Labels [B, n] int32, boxes [B, n, 4] and whether an object is there [B, n]."""
    labels = paddle.full([len(gt_class), largest], num_classes, dtype="int32")
    boxes = paddle.zeros([len(gt_class), largest, 4])
    filled = paddle.zeros([len(gt_class), largest])
    for i, (label, box) in enumerate(zip(gt_class, gt_bbox, strict=True)):
        n = len(label)
        if n:
            labels[i, :n] = label.squeeze(-1).astype("int32")
            boxes[i, :n] = box
            filled[i, :n] = 1
    return labels, boxes, filled


def _noise_labels(labels: Tensor, filled: Tensor, amount: float, num_classes: int) -> Tensor:
    """Replaces half of ``amount`` of the labels by random ones."""
    if amount <= 0:
        return labels
    flat = labels.flatten()
    chosen = (paddle.rand(flat.shape) < amount * 0.5).astype("float32") * filled.flatten()
    index = paddle.nonzero(chosen).squeeze(-1)
    if index.shape[0] == 0:
        return labels
    replacement = paddle.randint_like(index, 0, num_classes, dtype="int32")
    return paddle.scatter(flat, index, replacement).reshape(labels.shape)


def _noise_boxes(boxes: Tensor, amount: float) -> Tensor:
    """Shifts centres by up to half a side and changes sizes by up to a side, times ``amount``."""
    if amount <= 0:
        return boxes
    size = boxes[..., 2:]
    reach = paddle.concat([size * 0.5, size], axis=-1) * amount
    return boxes + reach * (paddle.rand(boxes.shape) * 2.0 - 1.0)


def _attention_mask(largest: int, groups: int, num_queries: int) -> Tensor:
    """Each group sees itself and the matching queries; the matching queries see no group."""
    total = largest * groups
    group = paddle.concat([paddle.arange(total) // largest, paddle.full([num_queries], -1, dtype="int64")])
    seen = (group.unsqueeze(1) == group.unsqueeze(0)) | (group.unsqueeze(0) == -1)
    return paddle.where(seen, paddle.zeros(seen.shape), paddle.full(seen.shape, float("-inf")))
