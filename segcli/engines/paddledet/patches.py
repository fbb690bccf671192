"""What has to change in PaddleDetection 2.6.0 so that its networks run under Paddle 3.3.1.

Paddle 2.6 made scalars 0-dimensional tensors, which ``paddle.concat`` refuses, and the wheel concatenates counts
everywhere. Each cure replaces one method of one of its classes; nothing of Paddle itself is touched.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paddle

from segcli.engines.paddledet import rcnn_patches as rcnn_cures
from segcli.engines.paddledet import solo_patches as solo_cures
from segcli.engines.paddledet.importing import import_ppdet


@dataclass(frozen=True)
class Cure:
    """One replaced method.

    Attributes:
        module: Where the class is.
        owner: Its name.
        method: Which method.
        replacement: Takes its place.
        fault: What goes wrong without it.
    """

    module: str
    owner: str
    method: str
    replacement: Callable[..., Any]
    fault: str

    def target(self) -> Any:
        """The class."""
        return getattr(importlib.import_module(self.module), self.owner)


_CONCAT = "paddle.concat of 0-dimensional counts: (InvalidArgument) The axis is expected to be in range of [0, 0)"
CURES: dict[str, Cure] = {
    "proposals": Cure(
        "ppdet.modeling.proposal_generator.rpn_head", "RPNHead", "_gen_proposal", rcnn_cures.gen_proposal, _CONCAT
    ),
    "box targets": Cure(
        "ppdet.modeling.proposal_generator.target_layer", "BBoxAssigner", "__call__", rcnn_cures.assign_boxes, _CONCAT
    ),
    "mask targets": Cure(
        "ppdet.modeling.proposal_generator.target_layer", "MaskAssigner", "__call__", rcnn_cures.assign_masks, _CONCAT
    ),
    "cascade": Cure(
        "ppdet.modeling.heads.cascade_head",
        "CascadeHead",
        "_get_rois_from_boxes",
        rcnn_cures.rois_from_boxes,
        _CONCAT,
    ),
    "decoding": Cure(
        "ppdet.modeling.layers",
        "RCNNBox",
        "__call__",
        rcnn_cures.decoded_boxes,
        "a traced network takes the first image's size for all",
    ),
    "mask head": Cure(
        "ppdet.modeling.heads.mask_head",
        "MaskHead",
        "forward_test",
        rcnn_cures.masks_of_boxes,
        "a traced network fails on an image without detections",
    ),
    "rescaling": Cure(
        "ppdet.modeling.post_process",
        "BBoxPostProcess",
        "get_pred",
        rcnn_cures.rescaled_boxes,
        f"{_CONCAT}; and a filler box for an image without detections puts boxes and masks out of step",
    ),
    "pasting": Cure(
        "ppdet.modeling.post_process",
        "MaskPostProcess",
        "__call__",
        rcnn_cures.pasted_masks,
        "the whole image is sampled for every object: seconds instead of milliseconds",
    ),
    "nms": Cure(
        "ppdet.modeling.layers",
        "MultiClassNMS",
        "__call__",
        rcnn_cures.multiclass_nms,
        "a traced network: BBoxes should be Variable but received Value",
    ),
    "solo images": Cure(
        "ppdet.modeling.heads.solov2_head",
        "SOLOv2Head",
        "get_prediction",
        solo_cures.get_prediction,
        "bbox_num is 0-dimensional, and of a batch only the first image is looked at",
    ),
    "solo masks": Cure(
        "ppdet.modeling.heads.solov2_head",
        "SOLOv2Head",
        "get_seg_single",
        solo_cures.seg_single,
        f"im_shape[0][0] of a scalar, an int32 compared with a float32, and {_CONCAT}",
    ),
    "solo loss": Cure(
        "ppdet.modeling.losses.solov2_loss",
        "SOLOv2Loss",
        "__call__",
        solo_cures.set_loss,
        "a batch without objects concatenates an empty list",
    ),
    "solo nms": Cure("ppdet.modeling.layers", "MaskMatrixNMS", "__call__", solo_cures.matrix_nms, _CONCAT),
}
_originals: dict[str, Callable[..., Any]] = {}


def apply_cures() -> None:
    """Put every cure in place; a second call changes nothing."""
    import_ppdet()
    for name, cure in CURES.items():
        owner = cure.target()
        if name not in _originals:
            _originals[name] = owner.__dict__[cure.method]
            # nothing in them branches on a value when traced: their source need not be rewritten
            setattr(owner, cure.method, paddle.jit.not_to_static(cure.replacement))


def original(name: str) -> Callable[..., Any]:
    """PaddleDetection's own method that the cure of that name has replaced."""
    apply_cures()
    return _originals[name]
