"""Patches of PaddleDetection 2.6.0 that let its networks run under Paddle 3.3.1.

Paddle 2.6 made scalars 0-dimensional tensors, which ``paddle.concat`` refuses, and PaddleDetection concatenates counts
everywhere. Each patch replaces one method of one of its classes; Paddle itself is not changed.
"""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from segcli.engines.function_patches import function_patches
from segcli.engines.paddledet import rcnn_patches, solo_patches
from segcli.engines.paddledet.box_features import patch_box_features
from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.patching import Method, Patch, apply_all
from segcli.models import operators


def _replaced(owner: str, method: str, replacement: Method, fault: str) -> Patch:
    """A patch whose replacement does not need the original and is traced without a rewrite of its source.

    This is possible because no replacement branches on a tensor's value when it is traced.
    """
    return Patch(owner, method, lambda _original: paddle.jit.not_to_static(replacement), fault)


def patch_channel_weights(original: Method) -> Method:
    """The gradient of a mean over maps takes 15 times as long as that of pooling them, in training on a CPU."""

    @paddle.jit.not_to_static
    def forward(self: Any, x: Tensor) -> Tensor:
        if not operators.is_ours(x):
            plain: Tensor = original(self, x)
            return plain
        out: Tensor = x * self.act(self.fc(F.adaptive_avg_pool2d(x, 1)))
        return out

    return forward


_CONCAT = "paddle.concat of 0-dimensional counts: (InvalidArgument) The axis is expected to be in range of [0, 0)"
PATCHES: dict[str, Patch] = {
    "proposals": _replaced(
        "ppdet.modeling.proposal_generator.rpn_head:RPNHead",
        "_gen_proposal",
        rcnn_patches.gen_proposal,
        _CONCAT,
    ),
    "box targets": _replaced(
        "ppdet.modeling.proposal_generator.target_layer:BBoxAssigner",
        "__call__",
        rcnn_patches.assign_boxes,
        _CONCAT,
    ),
    "mask targets": _replaced(
        "ppdet.modeling.proposal_generator.target_layer:MaskAssigner",
        "__call__",
        rcnn_patches.assign_masks,
        _CONCAT,
    ),
    "cascade": _replaced(
        "ppdet.modeling.heads.cascade_head:CascadeHead",
        "_get_rois_from_boxes",
        rcnn_patches.rois_from_boxes,
        _CONCAT,
    ),
    "decoding": _replaced(
        "ppdet.modeling.layers:RCNNBox",
        "__call__",
        rcnn_patches.decoded_boxes,
        "a traced network uses the first image's size for all images",
    ),
    "mask head": _replaced(
        "ppdet.modeling.heads.mask_head:MaskHead",
        "forward_test",
        rcnn_patches.masks_of_boxes,
        "a traced network fails on an image without detections",
    ),
    "rescaling": _replaced(
        "ppdet.modeling.post_process:BBoxPostProcess",
        "get_pred",
        rcnn_patches.rescaled_boxes,
        f"{_CONCAT}; and the filler box of an image without detections shifts boxes against masks",
    ),
    "pasting": _replaced(
        "ppdet.modeling.post_process:MaskPostProcess",
        "__call__",
        rcnn_patches.pasted_masks,
        "the whole image is sampled for every object: seconds instead of milliseconds",
    ),
    "nms": _replaced(
        "ppdet.modeling.layers:MultiClassNMS",
        "__call__",
        rcnn_patches.multiclass_nms,
        "a traced network: BBoxes should be Variable but received Value",
    ),
    "solo images": _replaced(
        "ppdet.modeling.heads.solov2_head:SOLOv2Head",
        "get_prediction",
        solo_patches.get_prediction,
        "bbox_num is 0-dimensional, and only the first image of a batch is processed",
    ),
    "solo masks": _replaced(
        "ppdet.modeling.heads.solov2_head:SOLOv2Head",
        "get_seg_single",
        solo_patches.seg_single,
        f"im_shape[0][0] of a scalar, an int32 compared with a float32, and {_CONCAT}",
    ),
    "solo loss": _replaced(
        "ppdet.modeling.losses.solov2_loss:SOLOv2Loss",
        "__call__",
        solo_patches.set_loss,
        "a batch without objects concatenates an empty list",
    ),
    "solo nms": _replaced(
        "ppdet.modeling.layers:MaskMatrixNMS",
        "__call__",
        solo_patches.matrix_nms,
        _CONCAT,
    ),
    "box features": Patch(
        "ppdet.modeling.heads.roi_extractor:RoIAlign",
        "forward",
        patch_box_features,
    ),
    "channel weights": Patch(
        "ppdet.modeling.backbones.cspresnet:EffectiveSELayer",
        "forward",
        patch_channel_weights,
    ),
}


def apply_patches() -> None:
    """Imports ppdet and applies every patch that is not applied yet."""
    import_ppdet()
    apply_all((*PATCHES.values(), *function_patches("ppdet")))
