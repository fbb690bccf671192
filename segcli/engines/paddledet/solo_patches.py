"""Replacements of methods of PaddleDetection's SOLOv2 classes; `patches` lists which and why.

They keep PaddleDetection's filler: the last row of each image is no object (score 0), so that a traced network
never has an empty tensor.
"""

# ruff: noqa: PLR0917 - the parameter lists are those of the replaced methods
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from segcli.models.instance.image_masks import stack_masks


def get_prediction(
    self: Any,
    cate_preds: Sequence[Tensor],
    kernel_preds: Sequence[Tensor],
    seg_pred: Tensor,
    im_shape: Tensor,
    scale_factor: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Masks, classes, scores of every image and their counts [B] int32; PaddleDetection takes one image only.

    Masks of smaller images are padded with zeros to the largest one's size. A traced network takes one image.
    """
    images = int(im_shape.shape[0]) if paddle.in_dynamic_mode() else 1
    size = paddle.shape(seg_pred)[-2:]
    masks: list[Tensor] = []
    labels: list[Tensor] = []
    scores: list[Tensor] = []
    for i in range(images):
        cells = paddle.concat([pred[i].reshape([-1, self.cate_out_channels]) for pred in cate_preds])
        kernels = [pred[i].transpose([1, 2, 0]).reshape([-1, self.kernel_out_channels]) for pred in kernel_preds]
        found = self.get_seg_single(
            cells, seg_pred[i : i + 1], paddle.concat(kernels), size, im_shape[i], scale_factor[i, 0]
        )
        for rows, value in zip((masks, labels, scores), found, strict=True):
            rows.append(value)
    counts = paddle.concat([paddle.shape(rows)[0:1] for rows in labels]).astype("int32")
    joined = stack_masks(masks) if images > 1 else masks[0]
    return joined, paddle.concat(labels), paddle.concat(scores), counts


def seg_single(
    self: Any,
    cate_preds: Tensor,
    seg_preds: Tensor,
    kernel_preds: Tensor,
    featmap_size: Sequence[Any],
    im_shape: Tensor,
    scale_factor: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Masks of one image (Wang et al. 2020, SOLOv2, section 3.4).

    Args:
        self: The ``SOLOv2Head``.
        cate_preds: Class scores of every grid cell [cells, classes], local maxima only.
        seg_preds: Mask features [1, E, h, w].
        kernel_preds: Mask kernels [cells, E].
        featmap_size: h and w.
        im_shape: Height and width of the resized image without padding [2].
        scale_factor: Resized over original size.

    Returns:
        Masks in original pixels [N, H, W] uint8, classes [N] int64 and scores [N]; the last row is the filler. With the
        attribute ``keep_small`` (see `inference.small_masks`) soft masks [N, h, w] float32 of the padded input.
    """
    hits = paddle.nonzero(cate_preds > self.score_threshold)
    # the filler: one more cell, whose class 0 has score 0
    cells = paddle.shape(cate_preds)[0:1].astype("int64")
    hits = paddle.concat([hits, paddle.concat([cells, paddle.zeros([1], dtype="int64")]).unsqueeze(0)])
    cate_preds = paddle.concat([cate_preds, paddle.zeros_like(cate_preds[0:1])])
    kernel_preds = paddle.concat([kernel_preds, paddle.ones_like(kernel_preds[0:1])])
    strides = [paddle.full([g * g], float(s)) for g, s in zip(self.seg_num_grids, self.segm_strides, strict=True)]
    stride = paddle.gather(paddle.concat([*strides, paddle.zeros([1])]), hits[:, 0])
    scores = paddle.gather_nd(cate_preds, hits)

    # a 1x1 convolution, written as a product: OpenVINO does not support computed kernels
    logits = paddle.matmul(paddle.gather(kernel_preds, hits[:, 0]), seg_preds.squeeze(0).flatten(1))
    soft = F.sigmoid(logits).reshape([-1, featmap_size[0], featmap_size[1]])
    hard = (soft > self.mask_threshold).astype("float32")
    area = hard.sum([1, 2])
    # a mask smaller than its cell is noise; the filler stays
    last = paddle.shape(area)[0:1].astype("int64") - 1
    keep = paddle.concat([paddle.nonzero(area[:-1] > stride[:-1]).flatten(), last])
    soft, hard, area = paddle.gather(soft, keep), paddle.gather(hard, keep), paddle.gather(area, keep)
    labels, scores = paddle.gather(hits[:, 1], keep), paddle.gather(scores, keep)
    scores = scores * (soft * hard).sum([1, 2]) / area.clip(min=1.0)

    soft, scores, labels = self.mask_nms(soft, hard, labels, scores, sum_masks=area)
    if getattr(self, "keep_small", False):
        return soft, labels, scores
    return _enlarged(self, soft, featmap_size, im_shape, scale_factor), labels, scores


def _enlarged(self: Any, soft: Tensor, featmap_size: Sequence[Any], im_shape: Tensor, scale_factor: Tensor) -> Tensor:
    """Masks enlarged 4 times, cropped to the image, resized to the original size and thresholded: uint8."""
    kind = {"mode": "bilinear", "align_corners": False, "align_mode": 0}
    height, width = im_shape.astype("int32").unbind(0)
    original = (im_shape / scale_factor + 0.5).astype("int32").unbind(0)
    large = F.interpolate(soft.unsqueeze(0), size=[featmap_size[0] * 4, featmap_size[1] * 4], **kind)
    large = paddle.slice(large, axes=[2, 3], starts=[0, 0], ends=[height, width])
    large = F.interpolate(large, size=list(original), **kind).squeeze(0)
    out: Tensor = (large > self.mask_threshold).astype("uint8")
    return out


def matrix_nms(
    self: Any,
    seg_preds: Tensor,
    seg_masks: Tensor,
    cate_labels: Tensor,
    cate_scores: Tensor,
    sum_masks: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Matrix NMS (ibid., section 3.4): scores decay by the overlap with better masks of the same class.

    Args:
        self: The ``MaskMatrixNMS``.
        seg_preds: Soft masks [N, h, w].
        seg_masks: Hard masks [N, h, w], float.
        cate_labels: [N].
        cate_scores: [N].
        sum_masks: Areas of the hard masks [N].

    Returns:
        Soft masks, scores and classes of at most ``post_nms_top_n`` masks, best first.
    """
    area = seg_masks.sum([1, 2]) if sum_masks is None else sum_masks
    order = _best(cate_scores, self.pre_nms_top_n)
    soft, scores, labels = paddle.gather(seg_preds, order), paddle.gather(cate_scores, order), cate_labels[order]
    flat, area = paddle.gather(seg_masks, order).flatten(1), paddle.gather(area, order)
    inter = paddle.matmul(flat, flat, transpose_y=True)
    union = (area.unsqueeze(0) + area.unsqueeze(1) - inter).clip(min=1.0)
    same = (labels.unsqueeze(0) == labels.unsqueeze(1)).astype("float32")
    overlap = paddle.triu(inter / union * same, diagonal=1)  # [better, worse]
    compensation = overlap.max(axis=0).unsqueeze(1)
    if self.kernel == "gaussian":
        decay = paddle.exp(-self.sigma * (overlap**2 - compensation**2)).min(axis=0)
    else:
        decay = ((1 - overlap) / (1 - compensation)).min(axis=0)
    scores = scores * decay

    last = paddle.shape(scores)[0:1].astype("int64") - 1
    keep = paddle.concat([paddle.nonzero(scores[:-1] >= self.update_threshold).flatten(), last])
    soft, scores, labels = paddle.gather(soft, keep), paddle.gather(scores, keep), paddle.gather(labels, keep)
    order = _best(scores, self.post_nms_top_n)
    return paddle.gather(soft, order), paddle.gather(scores, order), paddle.gather(labels, order)


def _best(scores: Tensor, limit: int) -> Tensor:
    """Indices of the best scores, best first, at most ``limit``."""
    order = paddle.argsort(scores, descending=True)
    return order[:limit]


def set_loss(
    self: Any,
    ins_pred_list: Sequence[Tensor | None],
    ins_label_list: Sequence[Tensor],
    cate_preds: Tensor,
    cate_labels: Tensor,
    num_ins: Tensor,
) -> tuple[Tensor, Tensor]:
    """Dice loss of the masks and focal loss of the grid (ibid., section 3.3); without objects the first is 0.

    Args:
        self: The ``SOLOv2Loss``.
        ins_pred_list: Mask logits [n, h, w] of the cells with an object, per level; None for a level without any.
        ins_label_list: Their true masks.
        cate_preds: Class logits of all cells [cells, classes].
        cate_labels: Their classes, 0 for background [cells].
        num_ins: Number of cells with an object.
    """
    dice, counted = [], []
    for logits, masks in zip(ins_pred_list, ins_label_list, strict=True):
        if logits is not None:
            truth = masks.astype("float32").reshape([-1, *logits.shape[1:]])
            real = (truth.sum([1, 2]) > 0).astype("float32")  # padding has no pixel
            dice.append(self._dice_loss(F.sigmoid(logits), truth) * real)
            counted.append(real)
    total = paddle.concat([paddle.zeros([1]), *dice]).sum()
    masks_loss = total / paddle.concat([paddle.zeros([1]), *counted]).sum().clip(min=1.0)
    hot = F.one_hot(cate_labels, num_classes=cate_preds.shape[-1] + 1)[:, 1:]
    grid_loss = F.sigmoid_focal_loss(
        cate_preds, hot, normalizer=num_ins + 1.0, gamma=self.focal_loss_gamma, alpha=self.focal_loss_alpha
    )
    return masks_loss * self.ins_loss_weight, grid_loss
