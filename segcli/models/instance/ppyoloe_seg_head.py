"""The head of PP-YOLOE_seg: class, box distribution and mask coefficients of every anchor, and mask prototypes.

PP-YOLOE (Xu et al. 2022, section 2.3) with YOLACT's prototypes (Bolya et al. 2019) on the finest map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Assign, Constant

from segcli.models.instance.anchor_prediction import AnchorPrediction
from segcli.models.instance.boxes import FeatureShape
from segcli.models.instance.layers import SqueezeAttention, silu_conv
from segcli.models.instance.ppyoloe_seg_loss import PrototypeLoss

PRIOR_PROBABILITY = 0.01
GRID_OFFSET = 0.5


class _Prototypes(nn.Layer):
    """Convolution, upsampling by 2, two convolutions; the last has an activation too, as in the reference."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = silu_conv(in_channels, hidden, 3)
        self.upsample = nn.Conv2DTranspose(hidden, hidden, 2, stride=2)
        self.conv2 = silu_conv(hidden, hidden, 3)
        self.conv3 = silu_conv(hidden, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv3(self.conv2(self.upsample(self.conv1(x))))
        return out


def _conv3(in_channels: int, out_channels: int, *, bias: float | None = None) -> Any:
    """3x3 convolution; with ``bias``, its weights start at zero and its biases at that value."""
    if bias is None:
        return nn.Conv2D(in_channels, out_channels, 3, padding=1)
    weight_attr = paddle.ParamAttr(initializer=Constant(0.0))
    bias_attr = paddle.ParamAttr(initializer=Constant(bias))
    return nn.Conv2D(in_channels, out_channels, 3, padding=1, weight_attr=weight_attr, bias_attr=bias_attr)


class SegPPYOLOEHead(nn.Layer):
    """Predictions of three levels (strides 32, 16, 8) and their losses.

    Args:
        in_channels: Channels of the levels, coarsest first.
        num_classes: Classes, background not counted.
        fpn_strides: Strides of the levels.
        reg_max: Largest distance from an anchor to a side, in strides; there is one bin per whole number.
        num_masks: Prototypes.
        num_protos: Width inside the prototype branch, before ``width_mult``.
        width_mult: Width factor of the whole network.
        assigner: An `IndexedTaskAligner`.
        nms: PaddleDetection's ``MultiClassNMS`` with ``return_index``; used by `SegPPYOLOE`.
        loss_weight: Weights of ``class``, ``iou``, ``dfl``, ``mask``.
    """

    __shared__: ClassVar[list[str]] = ["num_classes", "width_mult"]
    __inject__: ClassVar[list[str]] = ["assigner", "nms"]

    # PaddleDetection inspects positional arguments only, so none can be keyword-only
    def __init__(  # noqa: PLR0917
        self,
        in_channels: Sequence[int] = (1024, 512, 256),
        num_classes: int = 80,
        fpn_strides: Sequence[int] = (32, 16, 8),
        reg_max: int = 16,
        num_masks: int = 32,
        num_protos: int = 256,
        width_mult: float = 1.0,
        assigner: Any = "IndexedTaskAligner",
        nms: Any = "MultiClassNMS",
        loss_weight: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.nms = nms
        self._strides = tuple(fpn_strides)
        bins = reg_max + 1
        self._bins = bins
        rare = -math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY)
        self.stem_cls = nn.LayerList([SqueezeAttention(c) for c in in_channels])
        self.stem_reg = nn.LayerList([SqueezeAttention(c) for c in in_channels])
        self.stem_ins = nn.LayerList([SqueezeAttention(c) for c in in_channels])
        self.pred_cls = nn.LayerList([_conv3(c, num_classes, bias=rare) for c in in_channels])
        self.pred_reg = nn.LayerList([_conv3(c, 4 * bins, bias=1.0) for c in in_channels])
        self.pred_ins = nn.LayerList([_conv3(c, num_masks) for c in in_channels])
        distances = paddle.ParamAttr(initializer=Assign([[[[float(i)]] for i in range(bins)]]), trainable=False)
        self.proj_conv = nn.Conv2D(bins, 1, 1, weight_attr=distances, bias_attr=False)
        self.proto = _Prototypes(in_channels[-1], int(num_protos * width_mult), num_masks)
        self._loss = PrototypeLoss(assigner, num_classes, loss_weight)

    @classmethod
    def from_config(cls, _cfg: Mapping[str, Any], input_shape: Sequence[FeatureShape]) -> dict[str, Any]:
        """Arguments that PaddleDetection's factory derives from the neck."""
        return {"in_channels": [shape.channels for shape in input_shape]}

    def predict(self, feats: Sequence[Tensor]) -> AnchorPrediction:
        """Predictions for the levels [B, C, H, W], coarsest first, of any size."""
        scores, distributions, coefficients = [], [], []
        for i, feat in enumerate(feats):
            average = F.adaptive_avg_pool2d(feat, (1, 1))
            scores.append(F.sigmoid(self.pred_cls[i](self.stem_cls[i](feat, average) + feat)))
            distributions.append(self.pred_reg[i](self.stem_reg[i](feat, average)))
            coefficients.append(self.pred_ins[i](self.stem_ins[i](feat, average) + feat))
        centres, strides = self._anchors(feats)
        return AnchorPrediction(
            _joined(scores), _joined(distributions), _joined(coefficients), self.proto(feats[-1]), centres, strides
        )

    def forward(self, feats: Sequence[Tensor], inputs: Mapping[str, Any]) -> Any:
        """Losses in training, `AnchorPrediction` in evaluation."""
        prediction = self.predict(feats)
        if not self.training:
            return prediction
        with paddle.amp.auto_cast(enable=False):
            prediction = prediction.in_float32()
            return self._loss(prediction, self.decode(prediction), inputs)

    def decode(self, prediction: AnchorPrediction) -> Tensor:
        """Boxes [B, L, 4], ``xyxy``, in units of the anchor's stride: the expected distances around its centre."""
        length = prediction.distributions.shape[1]
        bins = prediction.distributions.reshape([-1, length, 4, self._bins])
        share = F.softmax(bins, axis=-1).transpose([0, 3, 1, 2])
        low, high = paddle.split(self.proj_conv(share).squeeze(1), 2, axis=-1)
        return paddle.concat([prediction.centres - low, prediction.centres + high], axis=-1)

    def _anchors(self, feats: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Centres in units of the stride [L, 2] (x, y) and strides [L, 1]."""
        centres, strides = [], []
        for feat, stride in zip(feats, self._strides, strict=True):
            height, width = int(feat.shape[2]), int(feat.shape[3])
            y, x = paddle.meshgrid(paddle.arange(height, dtype="float32"), paddle.arange(width, dtype="float32"))
            centres.append(paddle.stack([x, y], axis=-1).reshape([-1, 2]) + GRID_OFFSET)
            strides.append(paddle.full([height * width, 1], float(stride)))
        return paddle.concat(centres), paddle.concat(strides)


def _joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps [B, C, H, W] of all levels as one sequence of anchors [B, L, C]."""
    return paddle.concat([m.flatten(2).transpose([0, 2, 1]) for m in maps], axis=1)
