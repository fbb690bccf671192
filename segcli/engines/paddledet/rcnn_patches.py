"""Replacements of methods of PaddleDetection's R-CNN classes; `patches` lists which and why.

Parameter names and results are those of the replaced methods; `self` is an instance of their class.
"""

# ruff: noqa: PLR0917 - the parameter lists are those of the replaced methods
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor
from pycocotools import mask as mask_api

from segcli.data import rle
from segcli.inference.paste import paste_masks
from segcli.models.instance.image_masks import image_of_rows, original_sizes


def _counts(tensors: Sequence[Tensor]) -> Tensor:
    """Number of rows of each tensor, as one int32 vector."""
    return paddle.concat([paddle.shape(t)[0:1] for t in tensors]).astype("int32")


def gen_proposal(
    self: Any, scores: Sequence[Tensor], bbox_deltas: Sequence[Tensor], anchors: Sequence[Tensor], inputs: Any
) -> tuple[list[Tensor], Tensor]:
    """Proposals of every image, best first over all levels: rois (one [n, 4] per image) and their counts [B].

    A traced network gives the rois of all images as one [n, 4].
    """
    generate = self.train_proposal if self.training else self.test_proposal
    im_shape = inputs["im_shape"]
    if not paddle.in_dynamic_mode():
        levels = [
            generate(scores=score, bbox_deltas=delta, anchors=anchor, im_shape=im_shape)
            for score, delta, anchor in zip(scores, bbox_deltas, anchors, strict=True)
        ]
        whole = im_shape[:, 0].astype("int32").type()
        for level in levels:
            level[2].set_type(whole)  # Paddle 3.3.1 declares the counts as floats when it traces
        return best_of_levels([level[:3] for level in levels], levels[0][3])
    collected = []
    for i in range(int(im_shape.shape[0])):
        one = slice(i, i + 1)
        levels = [
            generate(scores=score[one], bbox_deltas=delta[one], anchors=anchor, im_shape=im_shape[one])
            for score, delta, anchor in zip(scores, bbox_deltas, anchors, strict=True)
        ]
        rois = paddle.concat([level[0] for level in levels])
        if len(levels) > 1:
            prob = paddle.concat([level[1] for level in levels]).flatten()
            limit = levels[0][3]
            if prob.shape[0] > limit:
                rois = paddle.gather(rois, paddle.topk(prob, limit)[1])
        collected.append(rois)
    return collected, _counts(collected)


def best_of_levels(levels: Sequence[tuple[Tensor, Tensor, Tensor]], limit: int) -> tuple[list[Tensor], Tensor]:
    """The best proposals of every image over all levels, without a loop over the images.

    Args:
        levels: Rois [n, 4], scores [n, 1] and counts [B] of the proposals of each level, image after image.
        limit: Most proposals kept per image.

    Returns:
        The rois of all images, image after image and best first, as a list of one; and their counts [B] int32.
    """
    rois = paddle.concat([level[0] for level in levels])
    counts = paddle.stack([level[2].astype("int64") for level in levels]).sum(0)
    if len(levels) == 1:
        return [rois], counts.astype("int32")
    score = paddle.concat([level[1] for level in levels]).flatten()
    image = paddle.concat([image_of_rows(level[0], level[2]) for level in levels])
    order = paddle.argsort(score, descending=True, stable=True)
    order = paddle.gather(order, paddle.argsort(paddle.gather(image, order), stable=True))
    first = paddle.cumsum(counts) - counts
    rank = paddle.arange(paddle.shape(order)[0]) - paddle.gather(first, paddle.gather(image, order))
    kept = paddle.gather(order, paddle.nonzero(rank < limit).flatten())
    return [paddle.gather(rois, kept)], paddle.clip(counts, max=limit).astype("int32")


def assign_boxes(
    self: Any,
    rpn_rois: Sequence[Tensor],
    rpn_rois_num: Tensor,  # noqa: ARG001 - the parameter list of the replaced method
    inputs: Mapping[str, Any],
    stage: int = 0,
    is_cascade: bool = False,
    add_gt_as_proposals: bool = True,
) -> tuple[list[Tensor], Tensor, tuple[list[Tensor], list[Tensor], list[Tensor]]]:
    """Sampled proposals of every image with target classes, boxes and object indices, for the box head's losses."""
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

    An image without foreground contributes its first proposal with weight 0, so that every process has a loss.
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
    # the head with shared features indexes the joined rows of all images
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
        outline: Polygons (lists of x, y, ...) in pixels, as in COCO, or the image's mask as RLE (a
            dictionary with ``size`` and ``counts``), which PaddleDetection does not support.
        box: x1, y1, x2, y2 in pixels.
        size: Side of the grid.
    """
    x1, y1, x2, y2 = box
    scale = size / max(x2 - x1, 0.1), size / max(y2 - y1, 0.1)
    if isinstance(outline, Mapping):
        runs = mask_api.frPyObjects(outline, *outline["size"]) if isinstance(outline["counts"], list) else outline
        image = np.asarray(mask_api.decode(runs), np.float32)
        move = np.array([[scale[0], 0, (0.5 - x1) * scale[0] - 0.5], [0, scale[1], (0.5 - y1) * scale[1] - 0.5]])
        return np.asarray(cv2.warpAffine(image, move, (size, size), flags=cv2.INTER_LINEAR) >= 0.5, np.uint8)
    moved = []
    for polygon in outline:
        points = np.array(polygon, np.float64).reshape(-1, 2)  # a copy: PaddleDetection changes the polygon in place
        moved.append(((points - (x1, y1)) * scale).ravel())
    inside: NDArray[np.uint8] = mask_api.decode(mask_api.merge(mask_api.frPyObjects(moved, size, size)))
    return inside


def rois_from_boxes(self: Any, boxes: Sequence[Tensor], im_shape: Tensor) -> tuple[list[Tensor], Tensor]:
    """A stage's boxes as the next stage's proposals: clipped, and in training without empty ones."""
    from ppdet.modeling.bbox_utils import clip_bbox, nonempty_bbox

    rois = []
    for i, image in enumerate(boxes):
        clipped = clip_bbox(image, im_shape[i])
        if self.training:
            keep = nonempty_bbox(clipped)
            if keep.shape[0] == 0:
                keep = paddle.zeros([1], dtype="int32")
            clipped = paddle.gather(clipped, keep)
        rois.append(clipped)
    return rois, _counts(rois)


def decoded_boxes(
    self: Any,
    bbox_head_out: tuple[Tensor, Tensor],
    rois: tuple[list[Tensor], Tensor],
    im_shape: Tensor,
    scale_factor: Tensor,  # noqa: ARG001 - the parameter list of the replaced method
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Boxes of every proposal and class [N, classes, 4], clipped to the resized images, with their counts; scores."""
    from ppdet.modeling.bbox_utils import delta2bbox

    deltas, probabilities = bbox_head_out
    proposals, counts = paddle.concat(rois[0]), rois[1]
    boxes = delta2bbox(deltas, proposals, self.prior_box_var)
    boxes = paddle.expand(boxes, [boxes.shape[0], self.num_classes, 4])
    sizes = paddle.gather(im_shape, image_of_rows(proposals, counts))
    limit = sizes.flip(1).tile([1, 2]).unsqueeze(1)
    clipped = paddle.maximum(paddle.minimum(boxes, limit), paddle.zeros_like(limit))
    return (clipped, counts), probabilities[:, :-1]


def masks_of_boxes(
    self: Any,
    body_feats: Sequence[Tensor],
    rois: Tensor,
    rois_num: Tensor,
    scale_factor: Tensor,  # noqa: ARG001 - the parameter list of the replaced method
    feat_func: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Mask probabilities [N, m, m] of boxes [N, 6], each of the box's own class.

    A filler box is added and dropped again, so that no operator gets an empty tensor: in a traced network operators
    fail on those of an image without detections.
    """
    filler = paddle.to_tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]])
    rows = paddle.concat([rois, filler])
    counts = paddle.concat([rois_num[:-1], rois_num[-1:] + 1])
    feats = self.roi_extractor(body_feats, [rows[:, 2:]], counts)
    if self.share_bbox_feat and feat_func is not None:
        feats = feat_func(feats)
    logits = self.mask_fcn_logits(self.head(feats))
    if self.num_classes == 1:
        own = logits[:, 0]
    else:
        label = rows[:, 0].astype("int64")
        own = paddle.gather_nd(logits, paddle.stack([paddle.arange(paddle.shape(label)[0]), label], axis=1))
    return paddle.nn.functional.sigmoid(own)[:-1]


def rescaled_boxes(
    self: Any, bboxes: Tensor, bbox_num: Tensor, im_shape: Tensor, scale_factor: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The input boxes; boxes [N, 6] in original pixels, clipped to their image, class -1 where empty; counts [B].

    An image without detections has no rows (PaddleDetection adds a filler). ``origin_shape_list`` becomes the images'
    sizes [B, 2], one row per image instead of one per box.
    """
    from ppdet.modeling.bbox_utils import nonempty_bbox

    if self.export_eb:
        return bboxes, bboxes, bbox_num
    sizes = original_sizes(im_shape, scale_factor)
    self.origin_shape_list = sizes
    image = image_of_rows(bboxes, bbox_num)
    scale = paddle.gather(scale_factor.flip(1).tile([1, 2]), image)
    limit = paddle.gather(sizes.flip(1).tile([1, 2]), image)
    corners = paddle.maximum(paddle.minimum(bboxes[:, 2:] / scale, limit), paddle.zeros_like(limit))
    whole = nonempty_bbox(corners, return_mask=True).unsqueeze(1)
    label = paddle.where(whole, bboxes[:, 0:1], paddle.full_like(bboxes[:, 0:1], -1.0))
    return bboxes, paddle.concat([label, bboxes[:, 1:2], corners], axis=1), bbox_num


def pasted_masks(self: Any, mask_out: Tensor, bboxes: Tensor, bbox_num: Tensor, origin_shape: Tensor) -> Tensor:
    """Masks [N, H, W] in the largest image's size, each in its own image's corner: uint8, or int32 when traced.

    With the attribute ``keep_small`` (see `inference.small_masks`) the head's own [N, m, m] are returned unchanged.
    """
    if getattr(self, "keep_small", False):
        return mask_out
    if not paddle.in_dynamic_mode():
        return stretched_masks(mask_out, bboxes[:, 2:], origin_shape.max(0), self.binary_thresh)
    sizes = [[int(side) for side in row] for row in origin_shape.tolist()]
    counts = bbox_num.tolist()
    height, width = (max(side) for side in zip(*sizes, strict=True))
    probabilities = mask_out.astype("float32").numpy()
    boxes = bboxes[:, 2:].numpy()
    images = []
    start = 0
    for count, (h, w) in zip(counts, sizes, strict=True):
        rows = slice(start, start + count)
        start += count
        whole = np.zeros((count, height, width), np.uint8)
        masks = paste_masks(probabilities[rows][:count], boxes[rows], h, w, threshold=self.binary_thresh)
        for place, mask in enumerate(masks):
            whole[place, :h, :w] = rle.decode(mask)
        images.append(whole)
    return paddle.to_tensor(np.concatenate(images))


def stretched_masks(masks: Tensor, boxes: Tensor, size: Tensor, threshold: float) -> Tensor:
    """Masks [N, H, W] int32 of a traced network: probabilities stretched over their boxes, two matrix products each.

    PaddleDetection samples every pixel of the image for every object, which takes five times as long.

    Args:
        masks: Probabilities [N, m, m].
        boxes: Left, top, right, bottom in pixels [N, 4].
        size: H and W as a tensor [2].
        threshold: Smallest probability inside a mask.
    """
    # a filler mask, dropped at the end: products of empty tensors fail
    masks = paddle.concat([masks, paddle.zeros([1, *masks.shape[1:]])])
    boxes = paddle.concat([boxes, paddle.to_tensor([[0.0, 0.0, 1.0, 1.0]])])
    height, width = size.astype("int32").unbind(0)
    vertical = _weights(boxes[:, 1:2], boxes[:, 3:4], height, masks.shape[1])
    horizontal = _weights(boxes[:, 0:1], boxes[:, 2:3], width, masks.shape[2])
    large = paddle.matmul(paddle.matmul(vertical, masks), horizontal, transpose_y=True)
    return (large >= threshold).astype("int32")[:-1]


def _weights(low: Tensor, high: Tensor, size: Tensor, cells: int) -> Tensor:
    """Bilinear weights [N, size, cells] of the cells between `low` and `high` [N, 1] for every pixel; outside is 0."""
    pixel = paddle.arange(size).astype("float32").unsqueeze(0) + 0.5
    place = (pixel - low) / (high - low) * cells - 0.5
    distance = (place.unsqueeze(2) - paddle.arange(cells, dtype="float32")).abs()
    return paddle.nn.functional.relu(1.0 - distance)


def multiclass_nms(
    self: Any, bboxes: Tensor | tuple[Tensor, Tensor], score: Tensor, background_label: int = -1
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Non-maximum suppression class by class: boxes [N, 6], their counts [B] and, on request, their indices."""
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
