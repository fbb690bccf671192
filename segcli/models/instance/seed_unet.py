"""An instance network for few images: a U-Net whose pixels point to the centres of their objects.

Every pixel is supervised, so some dozens of images teach it where a detector's anchors and queries need thousands. For
each class a pixel says how surely it is a centre, whether it lies in an object, to which point it belongs, and how far
from that point its object reaches (Neven et al. 2019, "Instance Segmentation by Jointly Optimizing Spatial Embeddings
and Clustering Bandwidth", https://arxiv.org/abs/1906.11109). The peaks of the first are the objects; centres are drawn
as in CenterNet (https://arxiv.org/abs/1904.07850). A mask is where

    logit of lying in an object - SHARPNESS * |point - point of the peak|^2 / reach^2

is positive: the first part draws the outline, the second tells objects that touch from each other. That is linear in
maps of the image, so masks leave the network as coefficients of prototypes, like those of Mask-RT-DETR. Classes have
maps of their own: a window lies in a facade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.boxes import cxcywh_to_xyxy, masks_to_boxes
from segcli.models.instance.image_masks import original_sizes, stack_masks, upsampled_positive
from segcli.models.instance.seed_loss import seed_losses
from segcli.models.instance.seed_maps import (
    CENTRE,
    INSIDE,
    MAPS_PER_CLASS,
    POINT,
    REACH,
    REACH_LIMITS,
    SHARPNESS,
    SeedMaps,
    pixel_places,
)
from segcli.models.unet import CHANNELS, UNetBody

_SAME_OBJECT_IOU = 0.5
_CENTRE_BIAS, _INSIDE_BIAS = -4.0, -1.0


class SeedUNet(nn.Layer):
    """The whole network.

    In training mode the inputs hold ``image`` and what `SeedTargets` of the engine makes; the result is the dictionary
    of losses. In evaluation mode they hold ``image``, ``im_shape`` [B, 2] and ``scale_factor`` [B, 2] (network pixels
    per original pixel, y then x). Images of any size will do.

    Args:
        num_classes: Classes.
        channels: Of each stage of the U-Net.
        max_objects: Objects found in an image at most.
        min_score: Smallest score of an object.
    """

    __category__: ClassVar[str] = "architecture"
    __shared__: ClassVar[list[str]] = ["num_classes"]

    def __init__(
        self,
        num_classes: int = 80,
        channels: Sequence[int] = CHANNELS,
        max_objects: int = 150,
        min_score: float = 0.02,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.max_objects = max_objects
        self.min_score = min_score
        self.body = UNetBody(channels)
        self.maps = nn.Conv2D(self.body.out_channels, num_classes * MAPS_PER_CLASS, 1)
        bias = np.zeros((num_classes, MAPS_PER_CLASS), np.float32)
        bias[:, CENTRE], bias[:, INSIDE] = _CENTRE_BIAS, _INSIDE_BIAS
        self.maps.bias.set_value(bias.reshape(-1))

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses in training; else ``bbox`` [N, 6], ``bbox_num`` [B] and ``mask`` [N, H, W] uint8.

        ``mask`` has the size of the largest original image; each mask fills its own image's corner of it.
        """
        if self.training:
            with paddle.amp.auto_cast(enable=False):
                return seed_losses(self.seed_maps(inputs["image"]), inputs)
        raw = self.predict_prototypes(inputs)
        prototypes = raw["prototypes"]
        logits = paddle.bmm(raw["coefficients"], prototypes.flatten(2)).reshape([0, 0, *prototypes.shape[2:]])
        sizes = original_sizes(inputs["im_shape"], inputs["scale_factor"])
        if paddle.in_dynamic_mode():
            masks = stack_masks(
                [upsampled_positive(logits[i], height, width) for i, (height, width) in enumerate(sizes.tolist())]
            )
        else:
            height, width = sizes[0].astype("int32").unbind(0)
            larger = F.interpolate(logits[0:1], size=[height, width], mode="bilinear", align_corners=False)
            masks = (larger.squeeze(0) > 0).astype("int32")
        return {"bbox": raw["bbox"], "bbox_num": raw["bbox_num"], "mask": masks}

    def seed_maps(self, images: Tensor) -> SeedMaps:
        """[B, 3, H, W] to the maps of the network."""
        maps = self.maps(self.body(images)).reshape([0, self.num_classes, MAPS_PER_CLASS, *images.shape[2:]])
        place = pixel_places(maps.shape[-2], maps.shape[-1])
        return SeedMaps(
            maps[:, :, CENTRE], maps[:, :, INSIDE], maps[:, :, POINT] + place, maps[:, :, REACH].clip(*REACH_LIMITS)
        )

    def predict_prototypes(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Detections without rasterised masks, in evaluation mode.

        Returns:
            ``bbox`` [N, 6], ``bbox_num`` [B], ``coefficients`` [B, N / B, K] and ``prototypes`` [B, K, H, W]; a mask's
            logit is its coefficients times the prototypes, enlarged bilinearly. Rows of class -1 are no objects.
        """
        maps = self.seed_maps(inputs["image"])
        centre, label, coefficients = self._peaks(maps)
        prototypes = _prototypes(maps)
        logits = paddle.bmm(coefficients, prototypes.flatten(2))
        inside = (logits > 0).astype("float32")
        area = inside.sum(-1)
        # how sure the network is of the mask decides with how sure it is of the centre
        score = centre * (F.sigmoid(logits) * inside).sum(-1) / area.clip(min=1.0)
        score, order = paddle.topk(score, score.shape[-1], axis=-1)
        label, area = (paddle.take_along_axis(values, order, axis=1) for values in (label, area))
        inside, coefficients = (_rows(values, order) for values in (inside, coefficients))
        found = (score > self.min_score) & (area > 0) & ~_is_repeated(inside, area, label)
        sizes = original_sizes(inputs["im_shape"], inputs["scale_factor"])
        corners = _boxes_around(inside.reshape([0, 0, *prototypes.shape[2:]]), sizes)
        score = paddle.where(found, score, paddle.zeros_like(score))
        label = paddle.where(found, label.astype("float32"), paddle.full_like(score, -1.0))
        rows = paddle.concat([label.unsqueeze(-1), score.unsqueeze(-1), corners], axis=-1)
        return {
            "bbox": rows.reshape([-1, 6]),
            "bbox_num": paddle.full_like(sizes[:, 0], score.shape[-1], dtype="int32"),
            "coefficients": coefficients,
            "prototypes": prototypes,
        }

    def _peaks(self, maps: SeedMaps) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities [B, K], classes [B, K] and coefficients [B, K, 4 C + 1] of the likeliest centres."""
        heat = F.sigmoid(maps.centre)
        peaks = heat * (heat == F.max_pool2d(heat, 3, stride=1, padding=1)).astype(heat.dtype)
        pixels = int(heat.shape[2]) * int(heat.shape[3])
        most = min(self.max_objects, pixels * self.num_classes)
        centre, index = paddle.topk(peaks.flatten(1), most, axis=-1)
        label = index // pixels
        point = _rows(maps.points.flatten(3).transpose([0, 1, 3, 2]).flatten(1, 2), index)
        narrow = SHARPNESS * paddle.exp(-2 * paddle.take_along_axis(maps.reach.flatten(1), index, axis=1)).unsqueeze(-1)
        own = F.one_hot(label, self.num_classes)
        constant = -narrow * (point * point).sum(-1, keepdim=True)
        y, x = point[:, :, 0:1], point[:, :, 1:2]
        parts = [own, own * (2 * narrow * y), own * (2 * narrow * x), -own * narrow, constant]
        return centre, label, paddle.concat(parts, axis=-1)


def _prototypes(maps: SeedMaps) -> Tensor:
    """[B, 4 C + 1, H, W]: of each class the logit of an object, y, x and their squares; then ones."""
    y, x = maps.points[:, :, 0], maps.points[:, :, 1]
    return paddle.concat([maps.inside, y, x, y * y + x * x, paddle.ones_like(maps.inside[:, :1])], axis=1)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Rows [B, K, ...] of ``values`` [B, N, D] by their ``index`` [B, K]."""
    return paddle.take_along_axis(values, index.unsqueeze(-1), axis=1, broadcast=True)


def _is_repeated(inside: Tensor, area: Tensor, label: Tensor) -> Tensor:
    """Whether a mask [B, K, P] covers what one of its class before it covers: bool [B, K]."""
    common = paddle.bmm(inside, inside.transpose([0, 2, 1]))
    union = area.unsqueeze(1) + area.unsqueeze(2) - common
    same = (label.unsqueeze(1) == label.unsqueeze(2)).astype("float32")
    earlier = paddle.triu(common / union.clip(min=1.0) * same, diagonal=1)
    return earlier.max(axis=1) > _SAME_OBJECT_IOU


def _boxes_around(inside: Tensor, sizes: Tensor) -> Tensor:
    """Corners [B, K, 4] in pixels of the original images around masks [B, K, H, W]."""
    boxes = cxcywh_to_xyxy(masks_to_boxes(inside > 0))
    return boxes * sizes.flip(1).tile([1, 2]).unsqueeze(1)
