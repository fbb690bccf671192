"""The instance networks as plain data, in the form of PaddleDetection's configurations.

Each recipe is a nested dictionary ``{"architecture": A, A: {part: class}, class: {argument: value}}``; recipes are
composed from the parts below. Values are those of PaddleX 3.7.2's configurations. Every call builds a new
dictionary, so changes do not affect other callers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from segcli.errors import UsageError

Recipe = dict[str, Any]


def merge(*recipes: Mapping[str, Any]) -> Recipe:
    """The recipes merged into a deep copy; later ones replace entries of earlier ones."""
    result: Recipe = {}
    for recipe in recipes:
        for key, value in recipe.items():
            old = result.get(key)
            both = isinstance(old, Mapping) and isinstance(value, Mapping)
            result[key] = merge(old, value) if both and isinstance(old, Mapping) else copy.deepcopy(value)
    return result


def _roi_align(resolution: int) -> Recipe:
    return {"resolution": resolution, "sampling_ratio": 0, "aligned": True}


def _proposals(before_nms: int, after_nms: int) -> Recipe:
    return {"min_size": 0.0, "nms_thresh": 0.7, "pre_nms_top_n": before_nms, "post_nms_top_n": after_nms}


def _resnet(depth: int, **arguments: Any) -> Recipe:
    stages = {"return_idx": [0, 1, 2, 3], "num_stages": 4}
    return {"ResNet": {"depth": depth, "norm_type": "bn", "freeze_at": 0, **stages, **arguments}}


_RPN: Recipe = {
    "anchor_generator": {
        "aspect_ratios": [0.5, 1.0, 2.0],
        "anchor_sizes": [[32], [64], [128], [256], [512]],
        "strides": [4, 8, 16, 32, 64],
    },
    "rpn_target_assign": {
        "batch_size_per_im": 256,
        "fg_fraction": 0.5,
        "negative_overlap": 0.3,
        "positive_overlap": 0.7,
        "use_random": True,
    },
    "train_proposal": {**_proposals(2000, 1000), "topk_after_collect": True},
    "test_proposal": _proposals(1000, 1000),
}

_RCNN: Recipe = {
    "RPNHead": _RPN,
    "BBoxAssigner": {
        "batch_size_per_im": 512,
        "bg_thresh": 0.5,
        "fg_thresh": 0.5,
        "fg_fraction": 0.25,
        "use_random": True,
    },
    "BBoxPostProcess": {
        "decode": "RCNNBox",
        "nms": {"name": "MultiClassNMS", "keep_top_k": 100, "score_threshold": 0.05, "nms_threshold": 0.5},
    },
    "MaskHead": {
        "head": "MaskFeat",
        "roi_extractor": _roi_align(14),
        "mask_assigner": "MaskAssigner",
        "share_bbox_feat": False,
    },
    "MaskFeat": {"num_convs": 4, "out_channel": 256},
    "MaskAssigner": {"mask_resolution": 28},
    "MaskPostProcess": {"binary_thresh": 0.5},
}

_RCNN_PARTS: Recipe = {
    "backbone": "ResNet",
    "rpn_head": "RPNHead",
    "mask_head": "MaskHead",
    "bbox_post_process": "BBoxPostProcess",
    "mask_post_process": "MaskPostProcess",
}

_MASK_RCNN_FPN: Recipe = merge(
    _RCNN,
    {
        "architecture": "MaskRCNN",
        "MaskRCNN": {**_RCNN_PARTS, "neck": "FPN", "bbox_head": "BBoxHead"},
        "FPN": {"out_channel": 256},
        "BBoxHead": {"head": "TwoFCHead", "roi_extractor": _roi_align(7), "bbox_assigner": "BBoxAssigner"},
        "TwoFCHead": {"out_channel": 1024},
    },
)

# features of the fourth stage only; the fifth is the head that boxes and masks share
_MASK_RCNN_C4: Recipe = merge(
    _RCNN,
    {
        "architecture": "MaskRCNN",
        "MaskRCNN": {**_RCNN_PARTS, "bbox_head": "BBoxHead"},
        "RPNHead": {
            "anchor_generator": {"anchor_sizes": [32, 64, 128, 256, 512], "strides": [16]},
            "train_proposal": {**_proposals(12000, 2000), "topk_after_collect": False},
            "test_proposal": _proposals(6000, 1000),
        },
        "BBoxHead": {
            "head": "Res5Head",
            "roi_extractor": _roi_align(14),
            "bbox_assigner": "BBoxAssigner",
            "with_pool": True,
        },
        "MaskHead": {"share_bbox_feat": True},
        "MaskFeat": {"num_convs": 0},
        "MaskAssigner": {"mask_resolution": 14},
    },
)

_CASCADE: Recipe = merge(
    _RCNN,
    {
        "architecture": "CascadeRCNN",
        "CascadeRCNN": {**_RCNN_PARTS, "neck": "FPN", "bbox_head": "CascadeHead"},
        "FPN": {"out_channel": 256},
        "RPNHead": {"train_proposal": {"post_nms_top_n": 2000}},
        "CascadeHead": {
            "head": "CascadeTwoFCHead",
            "roi_extractor": _roi_align(7),
            "bbox_assigner": "BBoxAssigner",
        },
        "CascadeTwoFCHead": {"out_channel": 1024},
        "BBoxAssigner": {"cascade_iou": [0.5, 0.6, 0.7]},
        "BBoxPostProcess": {"decode": {"name": "RCNNBox", "prior_box_var": [30.0, 30.0, 15.0, 15.0]}},
    },
)

_SOLO: Recipe = {
    "architecture": "SOLOv2",
    "SOLOv2": {"backbone": "ResNet", "neck": "FPN", "solov2_head": "SOLOv2Head", "mask_head": "SOLOv2MaskHead"},
    "ResNet": {"depth": 50, "freeze_at": 0, "return_idx": [0, 1, 2, 3], "num_stages": 4},
    "FPN": {"out_channel": 256},
    "SOLOv2Head": {
        "seg_feat_channels": 512,
        "stacked_convs": 4,
        "num_grids": [40, 36, 24, 16, 12],
        "kernel_out_channels": 256,
        "solov2_loss": "SOLOv2Loss",
        "mask_nms": "MaskMatrixNMS",
    },
    "SOLOv2MaskHead": {"mid_channels": 128, "out_channels": 256, "start_level": 0, "end_level": 3},
    "SOLOv2Loss": {"ins_loss_weight": 3.0, "focal_loss_gamma": 2.0, "focal_loss_alpha": 0.25},
    "MaskMatrixNMS": {"pre_nms_top_n": 500, "post_nms_top_n": 100},
}

_PP_YOLOE_SEG: Recipe = {
    "architecture": "SegPPYOLOE",
    "depth_mult": 0.33,
    "width_mult": 0.50,
    "SegPPYOLOE": {"backbone": "CSPResNet", "neck": "CustomCSPPAN", "yolo_head": "SegPPYOLOEHead"},
    "CSPResNet": {
        "layers": [3, 6, 6, 3],
        "channels": [64, 128, 256, 512, 1024],
        "return_idx": [1, 2, 3],
        "use_large_stem": True,
        "use_alpha": True,
    },
    "CustomCSPPAN": {"out_channels": [768, 384, 192], "stage_num": 1, "block_num": 3, "act": "swish", "spp": True},
    "SegPPYOLOEHead": {
        "num_protos": 256,
        "assigner": {"name": "IndexedTaskAligner", "topk": 13, "alpha": 1.0, "beta": 6.0},
        "loss_weight": {"class": 1.0, "iou": 2.5, "dfl": 0.5, "mask": 2.5},
        "nms": {
            "name": "MultiClassNMS",
            "nms_top_k": 1000,
            "keep_top_k": 300,
            "score_threshold": 0.01,
            "nms_threshold": 0.7,
            "return_index": True,
        },
    },
}

_TERM_WEIGHTS: Recipe = {"class": 4, "bbox": 5, "giou": 2, "mask": 5, "dice": 5}

_MASK_RTDETR: Recipe = {
    "architecture": "SegMaskRTDETR",
    "SegMaskRTDETR": {
        "backbone": "SegHGNetV2",
        "neck": "MaskHybridNeck",
        "transformer": "MaskQueryTransformer",
        "detr_head": "MaskSetHead",
        "post_process": "TopQueries",
    },
    "SegHGNetV2": {"freeze_at": 0, "freeze_norm": True},
    "MaskHybridNeck": {"num_encoder_layers": 1, "feedforward_dim": 1024},
    "MaskQueryTransformer": {
        "num_queries": 300,
        "num_denoising": 100,
        "label_noise_ratio": 0.5,
        "box_noise_scale": 1.0,
    },
    "MaskSetHead": {"loss": "SetLoss"},
    "SetLoss": {"matcher": "SetMatcher", "loss_coeff": _TERM_WEIGHTS},
    "SetMatcher": {"matcher_coeff": _TERM_WEIGHTS},
    "TopQueries": {"num_top_queries": 100},
}


def _mask_rtdetr(arch: str, rate: float, prototypes: int, **neck: Any) -> Recipe:
    return merge(
        _MASK_RTDETR,
        {
            "num_prototypes": prototypes,
            "SegHGNetV2": {"arch": arch, "lr_mult_list": [0.0, rate, rate, rate, rate]},
            "MaskHybridNeck": neck,
        },
    )


def _small(arch: str, mask_feat_channels: list[int]) -> Recipe:
    """S and M: narrow fusion blocks, attention at stride 16."""
    return _mask_rtdetr(
        arch,
        0.1,
        128,
        hidden_dim=256,
        attention_stride=16,
        expansion=0.5,
        mask_feat_channels=mask_feat_channels,
    )


def _large(arch: str, rate: float, prototypes: int, **neck: Any) -> Recipe:
    """L, X and H: full-width fusion blocks, attention at stride 32."""
    return _mask_rtdetr(arch, rate, prototypes, attention_stride=32, expansion=1.0, **neck)


_SSLD_RATES = [0.05, 0.05, 0.1, 0.15]
_RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "MaskRCNN-ResNet50": lambda: merge(_resnet(50, return_idx=[2], num_stages=3), _MASK_RCNN_C4),
    "MaskRCNN-ResNet50-FPN": lambda: merge(_resnet(50), _MASK_RCNN_FPN),
    "MaskRCNN-ResNet50-vd-FPN": lambda: merge(_resnet(50, variant="d"), _MASK_RCNN_FPN),
    "MaskRCNN-ResNet101-FPN": lambda: merge(_resnet(101), _MASK_RCNN_FPN),
    "MaskRCNN-ResNet101-vd-FPN": lambda: merge(_resnet(101, variant="d"), _MASK_RCNN_FPN),
    "MaskRCNN-ResNeXt101-vd-FPN": lambda: merge(_resnet(101, variant="d", groups=64, base_width=4), _MASK_RCNN_FPN),
    "Cascade-MaskRCNN-ResNet50-FPN": lambda: merge(_resnet(50), _CASCADE),
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN": lambda: merge(
        _resnet(50, variant="d", lr_mult_list=_SSLD_RATES), _CASCADE
    ),
    "SOLOv2": lambda: merge(_SOLO),
    "PP-YOLOE_seg-S": lambda: merge(_PP_YOLOE_SEG),
    "Mask-RT-DETR-S": lambda: _small("S", [64, 32]),
    "Mask-RT-DETR-M": lambda: _small("M", [64, 64]),
    "Mask-RT-DETR-L": lambda: _large("L", 0.05, 32, hidden_dim=256, mask_feat_channels=[64, 64]),
    "Mask-RT-DETR-X": lambda: _large(
        "X", 0.01, 128, hidden_dim=384, feedforward_dim=2048, mask_feat_channels=[128, 128]
    ),
    "Mask-RT-DETR-H": lambda: _large(
        "H", 0.01, 128, hidden_dim=512, feedforward_dim=2048, num_encoder_layers=2, mask_feat_channels=[256, 128]
    ),
    "SeedUNet-S": lambda: {"architecture": "SeedUNet", "SeedUNet": {"channels": [16, 32, 64, 96, 128]}},
}

INSTANCE_NAMES: tuple[str, ...] = tuple(_RECIPES)
"""PaddleX's names of its instance models, and the names of segcli's own."""

FROM_SCRATCH: Recipe = {
    "ResNet": {"freeze_norm": False, "freeze_at": -1, "lr_mult_list": [1.0, 1.0, 1.0, 1.0]},
    "SegHGNetV2": {"freeze_norm": False, "freeze_at": -1, "lr_mult_list": [1.0, 1.0, 1.0, 1.0, 1.0]},
}
"""Overrides of a recipe for training from random weights.

A frozen random backbone gives NaN in the first steps; with a twentieth of the learning rate it hardly learns.
"""


def sample_points(input_size: int) -> int:
    """Points at which Mask-RT-DETR compares a mask: as dense as the authors' 12,544 at 640 pixels, and never more.

    On smaller images that many would sample every prototype pixel repeatedly, and take most of a step's time.
    """
    return max(256, min(12544, round(12544 * (input_size / 640) ** 2)))


def instance_recipe(
    name: str, num_classes: int, input_size: int = 640, *, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe of a model.

    Args:
        name: One of `INSTANCE_NAMES`.
        num_classes: Classes, background not counted.
        input_size: Usual side in pixels of the images.
        overrides: Replace entries of the recipe, e.g. `FROM_SCRATCH`; sections of classes that it lacks are left out.

    Raises:
        UsageError: There is no such model.
    """
    if name not in _RECIPES:
        near = get_close_matches(name, INSTANCE_NAMES, n=3, cutoff=0.4)
        hint = f"choose one of {', '.join(near or INSTANCE_NAMES)}"
        raise UsageError(f"no instance model is called {name!r}", hint=hint)
    recipe = _RECIPES[name]()
    fitting = {k: v for k, v in (overrides or {}).items() if not k[0].isupper() or k in recipe}
    return merge({"num_sample_points": sample_points(input_size)}, recipe, fitting, {"num_classes": num_classes})
