"""Mask-RT-DETR: RT-DETR (Zhao et al. 2023) whose queries also carry the coefficients of mask prototypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import cxcywh_to_xyxy
from segcli.models.instance.crowds import without_crowds
from segcli.models.instance.image_masks import original_sizes, stack_masks, upsampled_positive
from segcli.models.instance.mask_queries import QueryOutput
from segcli.models.instance.matcher import Targets


class MaskSetHead(nn.Layer):
    """Losses in training, the last layer's boxes, logits and mask coefficients in evaluation; no parameters."""

    __inject__: ClassVar[list[str]] = ["loss"]

    def __init__(self, loss: Any = "SetLoss") -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: QueryOutput, inputs: Mapping[str, Any]) -> Any:
        """Loss dictionary, or (boxes [B, Q, 4], logits [B, Q, C], coefficients [B, Q, K], prototypes [B, K, h, w])."""
        if self.training:
            with paddle.amp.auto_cast(enable=False):
                return self.loss(output.in_float32(), Targets.from_inputs(inputs))
        last = output.layers[-1]
        return last.boxes, last.logits, last.coefficients, output.prototypes


class TopQueries:
    """The best (query, class) pairs of each image.

    Args:
        num_classes: Classes.
        num_top_queries: Pairs kept per image.
    """

    __shared__: ClassVar[list[str]] = ["num_classes"]

    def __init__(self, num_classes: int = 80, num_top_queries: int = 100) -> None:
        self.num_classes = num_classes
        self.num_top_queries = num_top_queries

    def __call__(
        self, boxes: Tensor, logits: Tensor, coefficients: Tensor, sizes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Selects the pairs.

        Args:
            boxes: [B, Q, 4], ``cxcywh``, normalised.
            logits: [B, Q, C].
            coefficients: [B, Q, K].
            sizes: Height and width of the original images [B, 2].

        Returns:
            Rows of class, score, x1, y1, x2, y2 in original pixels [B * T, 6], their number per image [B] int32,
            and their coefficients [B, T, K].
        """
        keep = min(self.num_top_queries, int(logits.shape[1]) * self.num_classes)
        scores, index = paddle.topk(F.sigmoid(logits).flatten(1), keep, axis=-1)
        labels = (index % self.num_classes).astype("float32")
        query = (index // self.num_classes).unsqueeze(-1)
        scale = sizes.flip(1).tile([1, 2]).unsqueeze(1)
        corners = paddle.take_along_axis(cxcywh_to_xyxy(boxes) * scale, query, axis=1, broadcast=True)
        chosen = paddle.take_along_axis(coefficients, query, axis=1, broadcast=True)
        rows = paddle.concat([labels.unsqueeze(-1), scores.unsqueeze(-1), corners], axis=-1)
        count = paddle.full_like(sizes[:, 0], keep, dtype="int32")
        return rows.reshape([-1, 6]), count, chosen


class SegMaskRTDETR(nn.Layer):
    """The whole network; part names are those of PaddleDetection's DETR, so its weights load by name.

    In training mode the inputs hold ``image``, ``gt_class`` (list of [n, 1]), ``gt_bbox`` (list of [n, 4], ``cxcywh``,
    normalised), ``gt_segm`` (list of [n, H, W]) and, if any, ``is_crowd`` (list of [n, 1]; those objects are left out);
    the result is the dictionary of losses. In evaluation mode they hold ``image``, ``im_shape`` [B, 2] and
    ``scale_factor`` [B, 2] (network pixels per original pixel, y then x).
    Images need not be square, and their size may change between calls.
    """

    __category__: ClassVar[str] = "architecture"
    __inject__: ClassVar[list[str]] = ["post_process"]

    def __init__(self, backbone: Any, neck: Any, transformer: Any, detr_head: Any, post_process: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.transformer = transformer
        self.detr_head = detr_head
        self.post_process = post_process

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses in training; else ``bbox`` [N, 6], ``bbox_num`` [B] and ``mask`` [N, H, W] uint8.

        ``mask`` has the size of the largest original image; each mask fills its own image's corner of it.
        """
        if self.training:
            losses: dict[str, Tensor] = self._head(inputs)
            return losses
        raw = self.predict_prototypes(inputs)
        coefficients, prototypes = raw["coefficients"], raw["prototypes"]
        logits = paddle.bmm(coefficients, prototypes.flatten(2))
        logits = logits.reshape([0, 0, *prototypes.shape[2:]])
        sizes = original_sizes(inputs["im_shape"], inputs["scale_factor"])
        if paddle.in_dynamic_mode():
            masks = stack_masks(
                [upsampled_positive(logits[i], height, width) for i, (height, width) in enumerate(sizes.tolist())]
            )
        else:
            masks = _traced_masks(logits, sizes)
        return {"bbox": raw["bbox"], "bbox_num": raw["bbox_num"], "mask": masks}

    def predict_prototypes(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Detections without rasterised masks, in evaluation mode.

        A mask's logit is its coefficients times the prototypes, enlarged bilinearly to the original image; the mask
        is where the logit is positive. Computed per object on the CPU, this needs no full-size float maps.

        Returns:
            ``bbox`` [N, 6], ``bbox_num`` [B], ``coefficients`` [B, N / B, K] and ``prototypes`` [B, K, H / 4, W / 4].
        """
        boxes, logits, coefficients, prototypes = self._head(inputs)
        sizes = original_sizes(inputs["im_shape"], inputs["scale_factor"])
        bbox, bbox_num, chosen = self.post_process(boxes, logits, coefficients, sizes)
        return {"bbox": bbox, "bbox_num": bbox_num, "coefficients": chosen, "prototypes": prototypes}

    def _head(self, inputs: Mapping[str, Any]) -> Any:
        feats = self.neck(self.backbone(inputs))
        if not self.training:
            return self.detr_head(self.transformer(feats), inputs)
        targets = without_crowds(inputs)
        return self.detr_head(self.transformer(feats, targets), targets)


def _traced_masks(logits: Tensor, sizes: Tensor) -> Tensor:
    """The masks in a traced network, which takes one image at a time: int32 [N, H, W]."""
    height, width = sizes[0].astype("int32").unbind(0)
    logits = F.interpolate(logits[0:1], size=[height, width], mode="bilinear", align_corners=False)
    return (logits.squeeze(0) > 0).astype("int32")
