"""Replacements of methods of PaddleDetection's R-CNN classes; `cures` says of which and why.

The parameter names and results are those of the methods replaced, so `self` is an instance of their class.
"""

# ruff: noqa: PLR0917 - the parameter lists are those of the methods replaced
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import paddle
from numpy.typing import NDArray
from pycocotools import mask as mask_api

from segcli.models.instance.paste import paste_masks
from segcli.models.instance.picture_masks import original_sizes, picture_of_rows

Tensor = Any


def _counts(tensors: Sequence[Tensor]) -> Tensor:
    """Rows of each tensor, as one int32 vector."""
    return paddle.concat([paddle.shape(t)[0:1] for t in tensors]).astype("int32")


def gen_proposal(
    self: Any, scores: Sequence[Tensor], bbox_deltas: Sequence[Tensor], anchors: Sequence[Tensor], inputs: Any
) -> tuple[list[Tensor], Tensor]:
    """Proposals of every picture, best first over all levels: rois (one [n, 4] a picture) and their counts [B]."""
    generate = self.train_proposal if self.training else self.test_proposal
    im_shape = inputs["im_shape"]
    traced = not paddle.in_dynamic_mode()
    pictures = 1 if traced else int(im_shape.shape[0])
    collected = []
    for i in range(pictures):
        one = slice(i, i + 1)
        levels = [
            generate(scores=score[one], bbox_deltas=delta[one], anchors=anchor, im_shape=im_shape[one])
            for score, delta, anchor in zip(scores, bbox_deltas, anchors, strict=True)
        ]
        rois = paddle.concat([level[0] for level in levels])
        if len(levels) > 1:
            prob = paddle.concat([level[1] for level in levels]).flatten()
            limit = levels[0][3]
            if traced:
                limit = paddle.minimum(paddle.full([1], limit, "int32"), paddle.shape(prob)[0:1].astype("int32"))
                rois = paddle.gather(rois, paddle.topk(prob, limit)[1])
            elif prob.shape[0] > limit:
                rois = paddle.gather(rois, paddle.topk(prob, limit)[1])
        collected.append(rois)
    return collected, _counts(collected)


def assign_boxes(
    self: Any,
    rpn_rois: Sequence[Tensor],
    rpn_rois_num: Tensor,  # noqa: ARG001 - the parameter list of the method replaced
    inputs: Mapping[str, Any],
    stage: int = 0,
    is_cascade: bool = False,
    add_gt_as_proposals: bool = True,
) -> tuple[list[Tensor], Tensor, tuple[list[Tensor], list[Tensor], list[Tensor]]]:
    """Sampled proposals of every picture with their classes, boxes and objects, for the box head's losses."""
    from ppdet.modeling.proposal_generator.target import label_box, sample_bbox

    foreground = self.cascade_iou[stage] if is_cascade else self.fg_thresh
    background = self.cascade_iou[stage] if is_cascade else self.bg_thresh
    crowds = inputs.get("is_crowd")
    rois, labels, boxes, objects, chosen = [], [], [], [], []
    for i, proposals in enumerate(rpn_rois):
        gt_boxes = inputs["gt_bbox"][i]
        gt_classes = inputs["gt_class"][i].squeeze(-1)
        crowd = None if crowds is None else crowds[i]
        some = gt_boxes.shape[0] > 0
        candidates = paddle.concat([proposals, gt_boxes]) if add_gt_as_proposals and some else proposals
        matches, quality = label_box(
            candidates, gt_boxes, foreground, background, False, self.ignore_thresh, crowd, self.assign_on_cpu
        )
        index, classes = sample_bbox(
            matches,
            quality,
            gt_classes,
            self.batch_size_per_im,
            self.fg_fraction,
            self.num_classes,
            self.use_random,
            is_cascade,
        )
        kept = candidates if is_cascade else paddle.gather(candidates, index)
        owner = matches if is_cascade else paddle.gather(matches, index)
        chosen.append(index)
        labels.append(classes)
        rois.append(kept.detach())
        objects.append(owner.detach())
        boxes.append(paddle.gather(gt_boxes, owner) if some else paddle.zeros([kept.shape[0], 4]))
    return rois, _counts(chosen), (labels, boxes, objects)


def assign_masks(
    self: Any,
    rois: Sequence[Tensor],
    tgt_labels: Sequence[Tensor],
    tgt_gt_inds: Sequence[Tensor],
    inputs: Mapping[str, Any],
) -> tuple[list[Tensor], Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Foreground proposals with their classes and the object's mask inside each, for the mask head's loss.

    A picture without foreground gives its first proposal with weight 0, so that every process has a loss.
    """
    size = self.mask_resolution
    kept, classes, masks, index, weights = [], [], [], [], []
    for roi, label, owner, polygons in zip(rois, tgt_labels, tgt_gt_inds, inputs["gt_poly"], strict=True):
        foreground = paddle.nonzero((label != -1) & (label != self.num_classes)).flatten()
        some = foreground.shape[0] > 0 and len(polygons) > 0
        if not some:
            foreground = paddle.zeros([1], dtype="int64")
        boxes = paddle.gather(roi, foreground).detach()
        kept.append(boxes)
        index.append(foreground)
        weights.append(paddle.full([boxes.shape[0]], float(some)))
        if some:
            classes.append(paddle.gather(label, foreground).astype("int32"))
            owners = paddle.gather(owner, foreground).tolist()
            corners = boxes.numpy()
            shapes = [_inside_box(polygons[k], corner, size) for k, corner in zip(owners, corners, strict=True)]
            masks.append(paddle.to_tensor(np.stack(shapes), dtype="int32"))
        else:
            classes.append(paddle.zeros([1], dtype="int32"))
            masks.append(paddle.ones([1, size, size], dtype="int32"))
    # the shared-feature head gathers from the rows of all pictures together
    index = [rows + sum(int(roi.shape[0]) for roi in rois[:i]) for i, rows in enumerate(index)]
    return (
        kept,
        _counts(kept),
        paddle.concat(classes),
        paddle.concat(masks),
        paddle.concat(index),
        paddle.concat(weights),
    )


def _inside_box(outline: Any, box: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """The part of an object inside a box, on a grid of ``size`` x ``size``: 0 or 1.

    Args:
        outline: Polygons (lists of x, y, ...) in pixels, as COCO draws them, or run lengths of the picture's mask (a
            dictionary with ``size`` and ``counts``), which the wheel cannot take.
        box: x1, y1, x2, y2 in pixels.
        size: Of the grid.
    """
    x1, y1, x2, y2 = box
    scale = size / max(x2 - x1, 0.1), size / max(y2 - y1, 0.1)
    if isinstance(outline, Mapping):
        runs = mask_api.frPyObjects(outline, *outline["size"]) if isinstance(outline["counts"], list) else outline
        picture = np.asarray(mask_api.decode(runs), np.float32)
        move = np.array([[scale[0], 0, (0.5 - x1) * scale[0] - 0.5], [0, scale[1], (0.5 - y1) * scale[1] - 0.5]])
        return np.asarray(cv2.warpAffine(picture, move, (size, size), flags=cv2.INTER_LINEAR) >= 0.5, np.uint8)
    moved = []
    for polygon in outline:
        points = np.array(polygon, np.float64).reshape(-1, 2)  # a copy: the wheel shifts the object itself
        moved.append(((points - (x1, y1)) * scale).ravel())
    inside: NDArray[np.uint8] = mask_api.decode(mask_api.merge(mask_api.frPyObjects(moved, size, size)))
    return inside


def rois_from_boxes(self: Any, boxes: Sequence[Tensor], im_shape: Tensor) -> tuple[list[Tensor], Tensor]:
    """A stage's boxes as the next stage's proposals: clipped, in training without empty ones."""
    from ppdet.modeling.bbox_utils import clip_bbox, nonempty_bbox

    rois = []
    for i, picture in enumerate(boxes):
        clipped = clip_bbox(picture, im_shape[i])
        if self.training:
            keep = nonempty_bbox(clipped)
            if keep.shape[0] == 0:
                keep = paddle.zeros([1], dtype="int32")
            clipped = paddle.gather(clipped, keep)
        rois.append(clipped)
    return rois, _counts(rois)


def rescaled_boxes(
    self: Any, bboxes: Tensor, bbox_num: Tensor, im_shape: Tensor, scale_factor: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes [N, 6] in original pixels, clipped to their picture; class -1 where nothing is left of a box.

    A picture without detections has no rows (the wheel gives it a filler). ``origin_shape_list`` becomes the pictures'
    sizes [B, 2], one row a picture instead of one a box.
    """
    from ppdet.modeling.bbox_utils import nonempty_bbox

    if self.export_eb:
        return bboxes, bboxes, bbox_num
    sizes = original_sizes(im_shape, scale_factor)
    self.origin_shape_list = sizes
    picture = picture_of_rows(bboxes, bbox_num)
    scale = paddle.gather(scale_factor.flip(1).tile([1, 2]), picture)
    limit = paddle.gather(sizes.flip(1).tile([1, 2]), picture)
    corners = paddle.maximum(paddle.minimum(bboxes[:, 2:] / scale, limit), paddle.zeros_like(limit))
    whole = nonempty_bbox(corners, return_mask=True).unsqueeze(1)
    label = paddle.where(whole, bboxes[:, 0:1], paddle.full_like(bboxes[:, 0:1], -1.0))
    return bboxes, paddle.concat([label, bboxes[:, 1:2], corners], axis=1), bbox_num


def pasted_masks(self: Any, mask_out: Tensor, bboxes: Tensor, bbox_num: Tensor, origin_shape: Tensor) -> Tensor:
    """Masks [N, H, W] in the largest picture's size, each in its own picture's corner: uint8, or int32 when traced.

    With the attribute ``keep_small`` (see `inference.small_masks`) the head's own [N, m, m] stay as they are.
    """
    if getattr(self, "keep_small", False):
        return mask_out
    if not paddle.in_dynamic_mode():
        return _traced_paste(mask_out, bboxes[:, 2:], origin_shape[0], self.binary_thresh)
    sizes = [[int(side) for side in row] for row in origin_shape.tolist()]
    counts = bbox_num.tolist()
    height, width = (max(side) for side in zip(*sizes, strict=True))
    probabilities = mask_out.astype("float32").numpy()
    boxes = bboxes[:, 2:].numpy()
    pictures = []
    start = 0
    for count, (h, w) in zip(counts, sizes, strict=True):
        rows = slice(start, start + count)
        start += count
        masks = paste_masks(probabilities[rows][:count], boxes[rows], h, w, self.binary_thresh) if count else None
        whole = paddle.zeros([count, height, width], dtype="uint8")
        if masks is not None:
            whole[:, :h, :w] = paddle.to_tensor(masks)
        pictures.append(whole)
    return paddle.concat(pictures)


def _traced_paste(mask_out: Tensor, boxes: Tensor, size: Tensor, threshold: float) -> Tensor:
    """The wheel's sampling of the whole picture, for a traced network of one picture."""
    from ppdet.modeling.post_process import paste_mask

    height, width = size.astype("int32").unbind(0)
    return (paste_mask(mask_out.unsqueeze(1), boxes, height, width) >= threshold).astype("int32")


def multiclass_nms(
    self: Any, bboxes: Tensor | tuple[Tensor, Tensor], score: Tensor, background_label: int = -1
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Non-maximum suppression class by class: boxes [N, 6], their counts [B] and, if asked for, their indices."""
    boxes, rois_num = bboxes if isinstance(bboxes, tuple) else (bboxes, None)
    out, index, count = paddle._C_ops.multiclass_nms3(
        boxes,
        score,
        rois_num,
        self.score_threshold,
        self.nms_top_k,
        self.keep_top_k,
        self.nms_threshold,
        self.normalized,
        self.nms_eta,
        background_label,
    )
    return out, count, index if self.return_index else None
