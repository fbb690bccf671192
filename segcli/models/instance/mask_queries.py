"""Query selection and decoder of Mask-RT-DETR.

The best encoder tokens become queries; the bounding boxes of their masks are the first reference boxes (the
mask-enhanced initialisation of Mask DINO, Li et al. 2023, section 3.3). All layers share one set of prediction heads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Normal, XavierUniform

from segcli.models.instance.boxes import FeatureShape, inverse_sigmoid, masks_to_boxes
from segcli.models.instance.deformable import DecoderLayer, Shapes
from segcli.models.instance.denoising import DenoisingNoise, DenoisingQueries, make_denoising_queries
from segcli.models.instance.layers import MLP, batch_norm, layer_norm, linear

PRIOR_PROBABILITY = 0.01


@dataclass(frozen=True)
class QueryPrediction:
    """Outputs of one layer for every query.

    Attributes:
        logits: [B, Q, num_classes].
        boxes: [B, Q, 4], ``cxcywh``, normalised.
        coefficients: Coefficients of the prototypes, [B, Q, num_prototypes].
    """

    logits: Tensor
    boxes: Tensor
    coefficients: Tensor

    def masks(self, prototypes: Tensor) -> Tensor:
        """Mask logits [B, Q, h, w] on ``prototypes`` [B, K, h, w]."""
        height, width = prototypes.shape[2:]
        logits = paddle.bmm(self.coefficients, prototypes.flatten(2))
        return logits.reshape([0, 0, height, width])

    def in_float32(self) -> QueryPrediction:
        """The same in single precision."""
        values = (self.logits, self.boxes, self.coefficients)
        return QueryPrediction(*[value.astype("float32") for value in values])

    def split(self, at: int) -> tuple[QueryPrediction, QueryPrediction]:
        """The predictions of the first ``at`` queries and of the rest."""
        first = QueryPrediction(self.logits[:, :at], self.boxes[:, :at], self.coefficients[:, :at])
        rest = QueryPrediction(self.logits[:, at:], self.boxes[:, at:], self.coefficients[:, at:])
        return first, rest


@dataclass(frozen=True)
class QueryOutput:
    """Everything that the losses and the post-processing need.

    Attributes:
        layers: One prediction per decoder layer; only the last one in evaluation.
        encoder: Prediction of the selected encoder tokens.
        initial: The queries' prediction before the decoder; only in training with denoising.
        prototypes: [B, num_prototypes, H / 4, W / 4].
        denoising: The noised queries, which come first in ``layers`` and ``initial``; None if there are none.
    """

    layers: tuple[QueryPrediction, ...]
    encoder: QueryPrediction
    initial: QueryPrediction | None
    prototypes: Tensor
    denoising: DenoisingQueries | None

    def in_float32(self) -> QueryOutput:
        """The same in single precision: sums over thousands of mask points overflow half precision."""
        return QueryOutput(
            layers=tuple(layer.in_float32() for layer in self.layers),
            encoder=self.encoder.in_float32(),
            initial=None if self.initial is None else self.initial.in_float32(),
            prototypes=self.prototypes.astype("float32"),
            denoising=self.denoising,
        )


class _Decoder(nn.Layer):
    """The stack of decoder layers; it exists only for the parameter names ``decoder.layers``."""

    def __init__(self, layers: Sequence[DecoderLayer]) -> None:
        super().__init__()
        self.layers = nn.LayerList(layers)


class MaskQueryTransformer(nn.Layer):
    """Queries with class, box and mask coefficients.

    Args:
        num_classes: Classes, background not counted.
        in_channels: Channels of the pyramid's levels.
        num_prototypes: Mask prototypes.
        hidden_dim: Width of the queries.
        num_queries: Queries per image.
        num_decoder_layers: Decoder layers; each has its own losses.
        num_heads: Attention heads.
        num_points: Deformable samples per head and level.
        feedforward_dim: Hidden width of the feed-forward parts.
        num_denoising: Target number of denoising queries; 0 for none.
        label_noise_ratio: See `DenoisingNoise`.
        box_noise_scale: See `DenoisingNoise`.
        mask_enhanced: Whether the first reference boxes are those of the tokens' masks; else the tokens' own boxes are
            used, as in RT-DETR. From random weights these are useful hundreds of steps earlier: masks are empty at
            first, which puts all queries in one corner.
    """

    __category__: ClassVar[str] = "transformer"
    __shared__: ClassVar[list[str]] = ["num_classes", "num_prototypes"]

    # PaddleDetection inspects positional arguments only, so none can be keyword-only
    def __init__(  # noqa: PLR0917
        self,
        num_classes: int = 80,
        in_channels: Sequence[int] = (256, 256, 256),
        num_prototypes: int = 32,
        hidden_dim: int = 256,
        num_queries: int = 300,
        num_decoder_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        feedforward_dim: int = 1024,
        num_denoising: int = 100,
        label_noise_ratio: float = 0.5,
        box_noise_scale: float = 1.0,
        mask_enhanced: bool = True,
    ) -> None:
        super().__init__()
        self._mask_enhanced = mask_enhanced
        self._num_queries = num_queries
        self._noise = DenoisingNoise(num_denoising, label_noise_ratio, box_noise_scale)
        self.input_proj = nn.LayerList([self._projection(c, hidden_dim) for c in in_channels])
        self.decoder = _Decoder(
            [
                DecoderLayer(hidden_dim, num_heads, feedforward_dim, len(in_channels), num_points)
                for _ in range(num_decoder_layers)
            ]
        )
        self.denoising_class_embed = nn.Embedding(
            num_classes, hidden_dim, weight_attr=paddle.ParamAttr(initializer=Normal())
        )
        self.query_pos_head = MLP(4, 2 * hidden_dim, hidden_dim, 2, xavier=True)
        self.mask_query_head = MLP(hidden_dim, hidden_dim, num_prototypes, 3)
        self.enc_output = nn.Sequential(linear(hidden_dim, hidden_dim, xavier=True), layer_norm(hidden_dim))
        self.dec_norm = layer_norm(hidden_dim)
        rare = -math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY)
        self.score_head = linear(hidden_dim, num_classes, bias=rare)
        self.bbox_head = MLP(hidden_dim, hidden_dim, 4, 3, zero_last=True)

    @staticmethod
    def _projection(in_channels: int, hidden_dim: int) -> Any:
        conv = nn.Conv2D(
            in_channels,
            hidden_dim,
            kernel_size=1,
            weight_attr=paddle.ParamAttr(initializer=XavierUniform()),
            bias_attr=False,
        )
        return nn.Sequential(("conv", conv), ("norm", batch_norm(hidden_dim)))

    @classmethod
    def from_config(cls, _cfg: Mapping[str, Any], input_shape: Sequence[FeatureShape]) -> dict[str, Any]:
        """Arguments that PaddleDetection's factory derives from the neck."""
        return {"in_channels": [shape.channels for shape in input_shape]}

    def forward(self, feats: tuple[Sequence[Tensor], Tensor], targets: Mapping[str, Any] | None = None) -> QueryOutput:
        """Selects queries and decodes them.

        Args:
            feats: Pyramid and prototypes, as `MaskHybridNeck` returns them.
            targets: ``gt_class`` (list of [n, 1]) and ``gt_bbox`` (list of [n, 4], ``cxcywh``, normalised); needed in
                training only.

        Returns:
            The predictions.
        """
        pyramid, prototypes = feats
        projected = [project(feat) for project, feat in zip(self.input_proj, pyramid, strict=True)]
        shapes = [(int(feat.shape[2]), int(feat.shape[3])) for feat in projected]
        memory = paddle.concat([feat.flatten(2).transpose([0, 2, 1]) for feat in projected], axis=1)
        # an image smaller than 128 pixels has fewer tokens than queries
        num_queries = min(self._num_queries, sum(height * width for height, width in shapes))
        noised = None
        if self.training and targets is not None:
            table = self.denoising_class_embed.weight
            noised = make_denoising_queries(targets["gt_class"], targets["gt_bbox"], table, self._noise, num_queries)
        content, encoder = self._select(memory, shapes, num_queries)
        first = masks_to_boxes(encoder.masks(prototypes) > 0) if self._mask_enhanced else encoder.boxes.detach()
        boxes_unact = inverse_sigmoid(first)
        initial = None
        if noised is not None:
            content = paddle.concat([noised.content, content], axis=1)
            boxes_unact = paddle.concat([noised.boxes_unact, boxes_unact], axis=1)
            initial = self._predict(content, F.sigmoid(boxes_unact))
        mask = None if noised is None else noised.attention_mask
        layers = self._decode(content, F.sigmoid(boxes_unact.detach()), memory, shapes, mask)
        return QueryOutput(layers, encoder, initial, prototypes, noised)

    def _select(self, memory: Tensor, shapes: Shapes, num_queries: int) -> tuple[Tensor, QueryPrediction]:
        """The most confident tokens: their content (no gradient) and their prediction."""
        anchors, valid = anchor_logits(shapes)
        tokens = self.enc_output(memory * valid.astype(memory.dtype))
        _, best = paddle.topk(self.score_head(tokens).max(-1), num_queries, axis=1)
        chosen = _gather_rows(tokens, best)
        boxes = F.sigmoid(_gather_rows(self.bbox_head(tokens) + anchors, best))
        return chosen.detach(), self._predict(chosen, boxes)

    def _predict(self, queries: Tensor, boxes: Tensor) -> QueryPrediction:
        queries = self.dec_norm(queries)
        return QueryPrediction(self.score_head(queries), boxes, self.mask_query_head(queries))

    def _decode(
        self, queries: Tensor, boxes: Tensor, memory: Tensor, shapes: Shapes, mask: Tensor | None
    ) -> tuple[QueryPrediction, ...]:
        """Runs the layers; each refines the boxes of the layer before.

        The reference boxes carry no gradient from layer to layer, but a layer's own prediction also trains the box
        before it ("look forward twice", Zhang et al. 2023).
        """
        predictions = []
        previous = boxes
        for layer in self.decoder.layers:
            position = self.query_pos_head(boxes)
            queries = layer(queries, boxes=boxes, position=position, memory=memory, shapes=shapes, mask=mask)
            delta = self.bbox_head(queries)
            refined = F.sigmoid(delta + inverse_sigmoid(boxes))
            if self.training:
                predictions.append(self._predict(queries, F.sigmoid(delta + inverse_sigmoid(previous))))
            previous, boxes = refined, refined.detach()
        return tuple(predictions) if self.training else (self._predict(queries, refined),)


def anchor_logits(shapes: Shapes, grid_size: float = 0.05, margin: float = 1e-2) -> tuple[Tensor, Tensor]:
    """Logits of one square anchor per token, and which tokens are usable.

    Centres are divided by (width, height), so that images need not be square.

    Args:
        shapes: Height and width of each level.
        grid_size: Side of the anchors of the first level; doubles from level to level.
        margin: Anchors nearer to 0 or 1 than this are not usable; their logit is +inf.

    Returns:
        [1, sum(H * W), 4] ``cxcywh`` and bool [1, sum(H * W), 1].
    """
    anchors = []
    for level, (height, width) in enumerate(shapes):
        y, x = paddle.meshgrid(paddle.arange(height, dtype="float32"), paddle.arange(width, dtype="float32"))
        side = paddle.full_like(x, grid_size * 2.0**level)
        anchors.append(paddle.stack([(x + 0.5) / width, (y + 0.5) / height, side, side], axis=-1).reshape([1, -1, 4]))
    joined = paddle.concat(anchors, axis=1)
    valid = ((joined > margin) & (joined < 1 - margin)).all(axis=-1, keepdim=True)
    logits = paddle.log(joined / (1 - joined))
    return paddle.where(valid, logits, paddle.full_like(logits, float("inf"))), valid


def _gather_rows(table: Tensor, index: Tensor) -> Tensor:
    """``table[b, index[b, q]]`` for every b and q."""
    # in a traced network the batch size may be unknown
    images = table.shape[0] if paddle.in_dynamic_mode() else paddle.shape(table)[0]
    batch = paddle.arange(images, dtype=index.dtype).unsqueeze(-1).expand_as(index)
    return paddle.gather_nd(table, paddle.stack([batch, index], axis=-1))
