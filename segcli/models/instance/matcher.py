"""One-to-one assignment of queries to objects by the Hungarian method (Carion et al. 2020, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.assignment import assign
from segcli.models.instance.boxes import cxcywh_to_xyxy, giou_loss
from segcli.models.instance.mask_queries import QueryPrediction
from segcli.models.instance.point_samples import maps_at_points

Match = tuple[Tensor, Tensor]
"""Of one image: query indices and object indices of the same length (int64)."""


@dataclass(frozen=True)
class Targets:
    """The objects of a batch; every list has one entry per image.

    Attributes:
        labels: [n], integer.
        boxes: [n, 4], ``cxcywh``, normalised.
        masks: [n, H, W], float, 0 to 1.
    """

    labels: list[Tensor]
    boxes: list[Tensor]
    masks: list[Tensor]

    @property
    def counts(self) -> list[int]:
        """Number of objects per image."""
        return [int(labels.shape[0]) for labels in self.labels]

    def at_size(self, size: Sequence[int]) -> Targets:
        """The same with masks of that height and width; a pixel's value is its share covered by the object."""
        masks = [
            F.adaptive_avg_pool2d(mask.unsqueeze(0), list(size)).squeeze(0) if len(mask) else paddle.zeros([0, *size])
            for mask in self.masks
        ]
        return Targets(self.labels, self.boxes, masks)

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Targets:
        """From ``gt_class`` [n, 1], ``gt_bbox`` and ``gt_segm`` of the reader, lists or stacked."""
        return cls(
            labels=[label.reshape([-1]) for label in inputs["gt_class"]],
            boxes=[box.astype("float32") for box in inputs["gt_bbox"]],
            masks=[mask.astype("float32") for mask in inputs["gt_segm"]],
        )


class SetMatcher(nn.Layer):
    """Cheapest assignment under class, box and mask costs.

    Args:
        matcher_coeff: Weights of the costs ``class`` (focal), ``bbox`` (L1), ``giou``, ``mask``
            (cross-entropy), ``dice``.
        num_sample_points: Random points per image at which masks are compared; 0 compares all pixels, of masks that
            have the size of the prototypes.
        alpha: Alpha of the focal cost.
        gamma: Gamma of the focal cost.
    """

    __shared__: ClassVar[list[str]] = ["num_sample_points"]

    def __init__(
        self,
        matcher_coeff: Mapping[str, float] | None = None,
        num_sample_points: int = 12544,
        alpha: float = 0.25,
        gamma: float = 2.0,
    ) -> None:
        super().__init__()
        self._weights = dict(matcher_coeff or {"class": 4, "bbox": 5, "giou": 2, "mask": 5, "dice": 5})
        self._points = num_sample_points
        self._alpha, self._gamma = alpha, gamma

    def forward(self, prediction: QueryPrediction, prototypes: Sequence[Tensor], targets: Targets) -> list[Match]:
        """Matches each image's queries to its objects.

        Args:
            prediction: Prediction of all queries.
            prototypes: Prototypes [K, h, w] per image.
            targets: The objects.

        Returns:
            One pair of index tensors per image.
        """
        if sum(targets.counts) == 0:
            return [_no_match() for _ in targets.counts]
        with paddle.no_grad():
            points = paddle.rand([len(targets.counts), 1, self._points, 2])
            return [
                self._match(prediction, prototypes[i], targets, points[i, 0], i) if count else _no_match()
                for i, count in enumerate(targets.counts)
            ]

    def _match(
        self, prediction: QueryPrediction, prototypes: Tensor, targets: Targets, points: Tensor, i: int
    ) -> Match:
        weights = self._weights
        boxes, true_boxes = prediction.boxes[i].unsqueeze(1), targets.boxes[i].unsqueeze(0)
        cost = weights["class"] * self._class_cost(prediction.logits[i], targets.labels[i])
        cost = cost + weights["bbox"] * (boxes - true_boxes).abs().sum(-1)
        cost = cost + weights["giou"] * giou_loss(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(true_boxes)).squeeze(-1)

        if self._points:
            # bilinear sampling is linear: sampled prototypes give the sampled masks of all queries at once
            sampled = maps_at_points(prototypes, points)  # [K, P]
            truth = maps_at_points(targets.masks[i], points)  # [n, P]
        else:
            sampled, truth = prototypes.flatten(1), targets.masks[i].flatten(1)
        logits = paddle.matmul(prediction.coefficients[i], sampled)  # [Q, P]
        cost = cost + weights["mask"] * _mask_cost(logits, truth) + weights["dice"] * _dice_cost(logits, truth)

        queries, objects = assign(cost)
        return paddle.to_tensor(queries, dtype="int64"), paddle.to_tensor(objects, dtype="int64")

    def _class_cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Focal cost of each query's logits [Q, C] for each object's label [n]: [Q, n]."""
        prob = paddle.gather(F.sigmoid(logits), labels, axis=1)
        negative = (1 - self._alpha) * prob**self._gamma * -(1 - prob + 1e-8).log()
        positive = self._alpha * (1 - prob) ** self._gamma * -(prob + 1e-8).log()
        return positive - negative


def _mask_cost(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy [Q, n] of logits [Q, P] with masks [n, P]; softplus(x) - x t, summed by one matrix product."""
    total = F.softplus(logits).sum(-1, keepdim=True) - paddle.matmul(logits, truth, transpose_y=True)
    return total / logits.shape[-1]


def _dice_cost(logits: Tensor, truth: Tensor) -> Tensor:
    """Dice loss [Q, n] of logits [Q, P] with masks [n, P]."""
    prob = F.sigmoid(logits)
    overlap = 2 * paddle.matmul(prob, truth, transpose_y=True)
    return 1 - (overlap + 1) / (prob.sum(-1, keepdim=True) + truth.sum(-1).unsqueeze(0) + 1)


def _no_match() -> Match:
    return paddle.zeros([0], dtype="int64"), paddle.zeros([0], dtype="int64")
