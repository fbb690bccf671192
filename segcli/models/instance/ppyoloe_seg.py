"""PP-YOLOE_seg: PP-YOLOE with mask coefficients and prototypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.image_masks import CHUNK, image_of_rows, original_sizes, stack_masks
from segcli.models.instance.ppyoloe_seg_loss import inside_boxes


class SegPPYOLOE(nn.Layer):
    """The whole network; part names are those of PaddleDetection's PPYOLOE, so its weights load by name.

    In training mode the inputs hold ``image``, ``gt_class`` [B, n, 1], ``gt_bbox`` [B, n, 4] (``xyxy``, pixels of the
    input), ``gt_segm`` [B, n, H, W] and ``pad_gt_mask`` [B, n, 1], or lists of them without padding. In evaluation mode
    they hold ``image``, ``im_shape`` and ``scale_factor`` [B, 2]. Any size divisible by 32 is accepted.
    """

    __category__: ClassVar[str] = "architecture"

    def __init__(self, backbone: Any, neck: Any, yolo_head: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.yolo_head = yolo_head

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses in training; else ``bbox`` [N, 6], ``bbox_num`` [B] and ``mask`` [N, H, W] uint8.

        ``mask`` has the size of the largest original image; each mask fills its own image's corner of it.
        """
        if self.training:
            losses: dict[str, Tensor] = self.yolo_head(self.neck(self.backbone(inputs)), inputs)
            return losses
        raw = self.predict_prototypes(inputs)
        sizes = original_sizes(inputs["im_shape"], inputs["scale_factor"])
        shape = (int(inputs["image"].shape[2]), int(inputs["image"].shape[3]))
        rasterise = _rasterised if paddle.in_dynamic_mode() else _traced_masks
        masks = rasterise(raw, sizes, inputs["scale_factor"], shape)
        return {"bbox": raw["bbox"], "bbox_num": raw["bbox_num"], "mask": masks}

    def predict_prototypes(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Detections without rasterised masks, in evaluation mode.

        A mask is where the sigmoid of its coefficients times the prototypes, enlarged to the network's input, cut by
        the box and enlarged to the original image, exceeds 0.5. Computed per object on the CPU, this needs no full-size
        maps.

        Returns:
            ``bbox`` [N, 6] in original pixels, ``bbox_num`` [B], ``coefficients`` [N, K] and ``prototypes``
            [B, K, H / 4, W / 4].
        """
        head = self.yolo_head
        prediction = head(self.neck(self.backbone(inputs)), inputs)
        boxes = head.decode(prediction) * prediction.strides
        bbox, bbox_num, index = head.nms(boxes, prediction.scores.transpose([0, 2, 1]))
        coefficients = paddle.gather(prediction.coefficients.flatten(0, 1), index.flatten(), axis=0)
        image = image_of_rows(bbox, bbox_num)
        scale = paddle.gather(inputs["scale_factor"].flip(1).tile([1, 2]), image, axis=0)
        bbox = paddle.concat([bbox[:, :2], bbox[:, 2:] / scale], axis=1)
        return {
            "bbox": bbox,
            "bbox_num": bbox_num,
            "coefficients": coefficients,
            "prototypes": prediction.prototypes,
        }


def _rasterised(raw: Mapping[str, Tensor], sizes: Tensor, scale_factor: Tensor, shape: tuple[int, int]) -> Tensor:
    """Masks of all images [N, H, W] uint8."""
    images = []
    start = 0
    for i, count in enumerate(raw["bbox_num"].tolist()):
        rows = slice(start, start + count)
        start += count
        boxes = raw["bbox"][rows, 2:] * scale_factor[i].flip(0).tile([2])
        size = [int(side) for side in sizes[i].tolist()]
        images.append(_image_masks(raw["coefficients"][rows], raw["prototypes"][i], boxes, shape, size))
    return stack_masks(images)


def _image_masks(
    coefficients: Tensor, prototypes: Tensor, boxes: Tensor, shape: tuple[int, int], size: list[int]
) -> Tensor:
    """Masks of one image, a few at a time: never a full-size float map of every object at once."""
    kind = {"mode": "bilinear", "align_corners": False}
    height, width = prototypes.shape[1:]
    parts = []
    for start in range(0, int(coefficients.shape[0]), CHUNK):
        few = slice(start, start + CHUNK)
        small = F.sigmoid(paddle.matmul(coefficients[few], prototypes.flatten(1)))
        large = F.interpolate(small.reshape([1, -1, height, width]), size=list(shape), **kind)
        cut = large * inside_boxes(boxes[few], *shape).unsqueeze(0)
        parts.append((F.interpolate(cut, size=size, **kind).squeeze(0) > 0.5).astype("uint8"))
    return paddle.concat(parts) if parts else paddle.zeros([0, *size], dtype="uint8")


def _traced_masks(raw: Mapping[str, Tensor], sizes: Tensor, scale_factor: Tensor, shape: tuple[int, int]) -> Tensor:
    """The masks in a traced network, which takes one image, all at once: int32 [N, H, W]."""
    kind = {"mode": "bilinear", "align_corners": False}
    prototypes = raw["prototypes"][0]
    height, width = prototypes.shape[1:]
    boxes = raw["bbox"][:, 2:] * scale_factor[0].flip(0).tile([2])
    small = F.sigmoid(paddle.matmul(raw["coefficients"], prototypes.flatten(1))).reshape([1, -1, height, width])
    cut = F.interpolate(small, size=list(shape), **kind) * inside_boxes(boxes, *shape).unsqueeze(0)
    size = sizes[0].astype("int32").unbind(0)
    return (F.interpolate(cut, size=list(size), **kind).squeeze(0) > 0.5).astype("int32")
