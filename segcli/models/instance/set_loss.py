"""The losses of Mask-RT-DETR: class, box and mask of every matched and every denoising query, at every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import box_iou, cxcywh_to_xyxy, giou_loss
from segcli.models.instance.denoising import DenoisingQueries
from segcli.models.instance.mask_queries import QueryOutput, QueryPrediction
from segcli.models.instance.matcher import Match, Targets
from segcli.models.instance.point_samples import PointSampling, at_points

Losses = dict[str, Tensor]
TERMS = ("class", "bbox", "giou", "mask", "dice")


class SetLoss(nn.Layer):
    """Weighted sum over the terms of `TERMS`, over the layers, over matching and denoising queries.

    The last layer's losses are ``loss_<term>``; the sums over the other layers, the encoder's prediction and the
    undecoded queries are ``loss_<term>_aux``; those of the denoising queries end in ``_dn``. The class loss is the
    varifocal loss (Zhang et al. 2021, eq. 2), whose target is the mask IoU in the last layer, else the box IoU.

    Args:
        matcher: A `SetMatcher`.
        loss_coeff: Weights by term.
        num_sample_points: Points per mask in its loss; 0 uses every pixel of the prototypes instead, which costs less
            where these are few and misses no small object.
    """

    __inject__: ClassVar[list[str]] = ["matcher"]
    __shared__: ClassVar[list[str]] = ["num_sample_points"]

    def __init__(
        self, matcher: Any = "SetMatcher", loss_coeff: Mapping[str, float] | None = None, num_sample_points: int = 12544
    ) -> None:
        super().__init__()
        self.matcher = matcher
        self._weights = dict(loss_coeff or {"class": 4, "bbox": 5, "giou": 2, "mask": 5, "dice": 5})
        self._sampling = PointSampling(num_sample_points)

    def forward(self, output: QueryOutput, targets: Targets) -> Losses:
        """All losses by name, each a scalar; their sum is ``loss``."""
        objects = _object_count(targets)
        noised = output.denoising
        kept, restored = _separate(output)
        # unbound once: the gradient of each `prototypes[i]` would be as large as all prototypes
        prototypes = output.prototypes.unbind(0)
        if not self._sampling.points:
            targets = targets.at_size(prototypes[0].shape[1:])
        losses = self._layers(kept, prototypes, targets, objects, None)
        if noised is None:
            losses.update({f"{name}_dn": paddle.zeros([]) for name in list(losses)})
        else:
            matches = _denoising_matches(noised, targets)
            dn = self._layers(restored, prototypes, targets, objects * noised.groups, matches)
            losses.update({f"{name}_dn": value for name, value in dn.items()})
        losses["loss"] = paddle.add_n(list(losses.values()))
        return losses

    def _layers(
        self,
        layers: Sequence[QueryPrediction],
        prototypes: Sequence[Tensor],
        targets: Targets,
        objects: Tensor,
        fixed: list[Match] | None,
    ) -> Losses:
        """Losses of the last layer and summed ones of the others; ``fixed`` matches replace the matcher's."""

        def terms(prediction: QueryPrediction, *, last: bool) -> list[Tensor]:
            matches = self.matcher(prediction, prototypes, targets) if fixed is None else fixed
            return self._terms(prediction, prototypes, targets, matches, objects, mask_quality=last)

        losses = {f"loss_{name}": value for name, value in zip(TERMS, terms(layers[-1], last=True), strict=True)}
        others = [terms(layer, last=False) for layer in layers[:-1]]
        for i, name in enumerate(TERMS):
            losses[f"loss_{name}_aux"] = paddle.add_n([values[i] for values in others])
        return losses

    def _terms(
        self,
        prediction: QueryPrediction,
        prototypes: Sequence[Tensor],
        targets: Targets,
        matches: list[Match],
        objects: Tensor,
        *,
        mask_quality: bool,
    ) -> list[Tensor]:
        """The weighted losses of one layer, in the order of `TERMS`."""
        weights = self._weights
        if sum(targets.counts) == 0:
            quality = paddle.zeros([0])
            loss = self._class_loss(prediction.logits, quality, targets, matches)
            return [weights["class"] * loss / objects, *[paddle.zeros([]) for _ in TERMS[1:]]]
        boxes = _chosen(prediction.boxes, matches, 0)
        true_boxes = _chosen(targets.boxes, matches, 1)
        corners, true_corners = cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(true_boxes)
        masks = _matched_masks(prediction, prototypes, matches)
        if mask_quality:
            quality = _mask_iou(masks.detach(), targets, matches)
        else:
            quality = box_iou(corners.detach(), true_corners).squeeze(-1)
        mask_loss, dice_loss = self._mask_losses(masks, targets, matches)
        sums = [
            self._class_loss(prediction.logits, quality, targets, matches),
            F.l1_loss(boxes, true_boxes, reduction="sum"),
            giou_loss(corners, true_corners).sum(),
            mask_loss,
            dice_loss,
        ]
        return [weights[name] * value / objects for name, value in zip(TERMS, sums, strict=True)]

    @staticmethod
    def _class_loss(logits: Tensor, quality: Tensor, targets: Targets, matches: list[Match]) -> Tensor:
        """Varifocal loss with alpha 0.75 and gamma 2, summed; ``quality`` [M] is the target of the matched queries."""
        score = paddle.zeros_like(logits)
        label = paddle.zeros_like(logits)
        if quality.shape[0]:
            image = paddle.concat([paddle.full_like(queries, i) for i, (queries, _) in enumerate(matches)])
            queries = paddle.concat([queries for queries, _ in matches])
            classes = _chosen(targets.labels, matches, 1).astype("int64")
            where = paddle.stack([image, queries, classes], axis=-1)
            score = paddle.scatter_nd(where, quality, logits.shape)
            label = paddle.scatter_nd(where, paddle.ones_like(quality), logits.shape)
        weight = 0.75 * F.sigmoid(logits).pow(2.0) * (1 - label) + score * label
        return F.binary_cross_entropy_with_logits(logits, score, weight=weight, reduction="sum")

    def _mask_losses(self, masks: Tensor, targets: Targets, matches: list[Match]) -> tuple[Tensor, Tensor]:
        """Cross-entropy (mean over points) and dice loss, each summed over the masks [M, h, w]."""
        if self._sampling.points:
            points = self._sampling.coordinates(masks)
            logits, truth = at_points(masks, points), _truth_at(points, targets, matches)
        else:
            logits, truth = masks.flatten(1), _chosen(targets.masks, matches, 1).flatten(1)
        entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(1).sum()
        prob = F.sigmoid(logits)
        dice = 1 - (2 * (prob * truth).sum(1) + 1) / (prob.sum(1) + truth.sum(1) + 1)
        return entropy, dice.sum()


def _separate(output: QueryOutput) -> tuple[list[QueryPrediction], list[QueryPrediction]]:
    """Predictions of the matching queries (encoder's first) and of the denoising queries, layer by layer."""
    layers = list(output.layers) if output.initial is None else [output.initial, *output.layers]
    if output.denoising is None:
        return [output.encoder, *layers], []
    parts = [layer.split(output.denoising.length) for layer in layers]
    return [output.encoder, *[matching for _, matching in parts]], [noised for noised, _ in parts]


def _denoising_matches(noised: DenoisingQueries, targets: Targets) -> list[Match]:
    """Matches every denoising query with the object it was made from."""
    return [
        (positions, paddle.arange(count, dtype="int64").tile([noised.groups]))
        for positions, count in zip(noised.positions, targets.counts, strict=True)
    ]


def _object_count(targets: Targets) -> Tensor:
    """Objects per process, averaged over all processes, at least 1."""
    count = paddle.to_tensor(float(sum(targets.counts)))
    if paddle.distributed.get_world_size() > 1:
        paddle.distributed.all_reduce(count)
        count = count / paddle.distributed.get_world_size()
    return count.clip(min=1.0)


def _chosen(values: Any, matches: list[Match], side: int) -> Tensor:
    """Rows of each image's ``values`` selected by one side of its matches, concatenated."""
    rows = [paddle.gather(values[i], match[side], axis=0) for i, match in enumerate(matches) if match[side].shape[0]]
    return paddle.concat(rows)


def _matched_masks(prediction: QueryPrediction, prototypes: Sequence[Tensor], matches: list[Match]) -> Tensor:
    """Mask logits [M, h, w] of the matched queries only."""
    height, width = prototypes[0].shape[1:]
    masks = [
        paddle.matmul(paddle.gather(prediction.coefficients[i], queries, axis=0), prototypes[i].flatten(1))
        for i, (queries, _) in enumerate(matches)
        if queries.shape[0]
    ]
    return paddle.concat(masks).reshape([-1, height, width])


def _truth_at(points: Tensor, targets: Targets, matches: list[Match]) -> Tensor:
    """Values [M, P] of the matched objects' masks at points [M, P, 2]; masks of full size are not copied."""
    counts = [objects.shape[0] for _, objects in matches]
    with paddle.no_grad():
        return paddle.concat(
            [
                at_points(targets.masks[i], some, matches[i][1])
                for i, some in enumerate(points.split(counts))
                if counts[i]
            ]
        )


def _mask_iou(logits: Tensor, targets: Targets, matches: list[Match]) -> Tensor:
    """IoU [M] of mask logits [M, h, w] and the matched objects' masks, both at twice (h, w)."""
    size = [2 * logits.shape[1], 2 * logits.shape[2]]

    def positive(maps: Tensor, threshold: float) -> Tensor:
        large = F.interpolate(maps.unsqueeze(0), size=size, mode="bilinear", align_corners=False).squeeze(0)
        return (large > threshold).astype("float32").flatten(1)

    predicted = positive(logits, 0.0)
    truth = _chosen([positive(masks, 0.5) if len(masks) else masks for masks in targets.masks], matches, 1)
    inter = (predicted * truth).sum(1)
    union = predicted.sum(1) + truth.sum(1) - inter
    return (inter + 1e-2) / (union + 1e-2)
