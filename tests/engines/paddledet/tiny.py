"""Small R-CNN and SOLOv2 networks and a batch for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from segcli.engines.paddledet.networks import build_instance_network
from segcli.models.instance.recipes import FROM_SCRATCH, merge

GRIDS = [8, 6, 5, 4, 3]
SMALL: dict[str, Any] = {
    "ResNet": {"depth": 18},
    "RPNHead": {"train_proposal": {"post_nms_top_n": 60}, "test_proposal": {"post_nms_top_n": 12}},
    "BBoxAssigner": {"batch_size_per_im": 16},
    "BBoxPostProcess": {"nms": {"score_threshold": 0.0, "keep_top_k": 8}},
    "FPN": {"out_channel": 32},
    "TwoFCHead": {"out_channel": 32},
    "CascadeTwoFCHead": {"out_channel": 32},
    "MaskFeat": {"num_convs": 1, "out_channel": 16},
    "SOLOv2Head": {
        "seg_feat_channels": 32,
        "stacked_convs": 1,
        "num_grids": GRIDS,
        "kernel_out_channels": 32,
        "score_threshold": 0.0099,
    },
    "SOLOv2MaskHead": {"mid_channels": 32, "out_channels": 32},
    "MaskMatrixNMS": {"update_threshold": 0.0005, "post_nms_top_n": 10},
}
HEIGHT, WIDTH = 64, 96


def network(name: str) -> Any:
    """The model, reduced; C4 keeps its ResNet50, whose last stage is its head, and SOLOv2 the width of its pyramid."""
    paddle.seed(0)
    kept = {"MaskRCNN-ResNet50": ("ResNet", "MaskFeat"), "SOLOv2": ("FPN",)}.get(name, ())
    small = {section: value for section, value in SMALL.items() if section not in kept}
    return build_instance_network(name, 3, HEIGHT, overrides=merge(FROM_SCRATCH, small))


def batch(objects: tuple[int, ...] = (2, 0)) -> dict[str, Any]:
    """Images of 64 x 96 of originals of half the size, with so many objects each."""
    rng = np.random.default_rng(0)
    boxes = np.array([[8, 8, 40, 50], [50, 20, 90, 60]], np.float32)
    polygons = [[[8.0, 8, 40, 8, 40, 50, 8, 50]], [[50.0, 20, 90, 20, 90, 60]]]
    classes = np.array([[0], [2]], np.int32)
    return {
        "image": paddle.to_tensor(rng.random((len(objects), 3, HEIGHT, WIDTH), np.float32)),
        "im_shape": paddle.to_tensor([[float(HEIGHT), float(WIDTH)]] * len(objects)),
        "scale_factor": paddle.to_tensor([[2.0, 2.0]] * len(objects)),
        "gt_bbox": [paddle.to_tensor(boxes[:n]).reshape([-1, 4]) for n in objects],
        "gt_class": [paddle.to_tensor(classes[:n]).reshape([-1, 1]) for n in objects],
        "is_crowd": [paddle.zeros([n, 1], dtype="int32") for n in objects],
        "gt_poly": [polygons[:n] for n in objects],
    }


def solo_targets(objects: int) -> dict[str, Any]:
    """What SOLOv2's reader adds for one image."""
    from ppdet.data.transform.batch_operators import Gt2Solov2Target

    masks = np.zeros((objects, HEIGHT, WIDTH), np.uint8)
    boxes = batch((objects,))["gt_bbox"][0].numpy()
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
        mask[y1:y2, x1:x2] = 1
    sample = {
        "image": np.zeros((3, HEIGHT, WIDTH), np.float32),
        "gt_segm": masks,
        "gt_bbox": boxes,
        "gt_class": batch((objects,))["gt_class"][0].numpy(),
        "is_crowd": np.zeros((objects, 1)),
        "gt_poly": [],
    }
    ranges = [[1, 24], [12, 40], [24, 64], [40, 96], [64, 256]]
    (made,) = Gt2Solov2Target(num_grids=GRIDS, scale_ranges=ranges, coord_sigma=0.2)([sample])
    wanted = ("ins_label", "cate_label", "grid_order", "fg_num")
    return {k: paddle.to_tensor(np.asarray(v)).unsqueeze(0) for k, v in made.items() if k.startswith(wanted)}
