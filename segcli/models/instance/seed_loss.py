"""The losses of the U-Net that finds objects by their centres."""

from __future__ import annotations

from collections.abc import Mapping

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from segcli.models.instance.seed_maps import SHARPNESS, SeedMaps, pixel_places

Losses = dict[str, Tensor]
_FAR = -12.0
"""Below it a mask's logit falls slowly: a pixel that is far from the point must not rule the loss."""
_FAR_SLOPE = 0.02
_WEIGHTS = {"loss_centre": 4.0, "loss_inside": 1.0, "loss_mask": 2.0, "loss_point": 1.0}


def seed_losses(maps: SeedMaps, inputs: Mapping[str, Tensor]) -> Losses:
    """Each loss, weighted, and their sum ``loss``.

    Args:
        maps: What the network says.
        inputs: ``gt_centre`` and ``gt_inside`` [B, C, H, W] in 0..1; of n objects per image ``gt_class`` [B, n],
            ``gt_middle`` and ``gt_seed`` [B, n] (the pixel in the middle, and the pixel at which the centre may be
            found), ``gt_points`` [B, n, P] (pixels), ``gt_covered`` [B, n, P] (whether the object covers them) and
            ``gt_filled`` [B, n], 0 for padding. Pixels are numbered row by row.
    """
    found = {
        "loss_centre": _centre_loss(maps.centre, inputs["gt_centre"]),
        "loss_inside": _inside_loss(maps.inside, inputs["gt_inside"].astype("float32")),
        **_object_losses(maps, inputs),
    }
    weighted = {name: _WEIGHTS[name] * value for name, value in found.items()}
    return {**weighted, "loss": paddle.add_n(list(weighted.values()))}


def _centre_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Quality focal loss (Li et al. 2020, https://arxiv.org/abs/2006.04388), per pixel that marks a centre."""
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (entropy * (F.sigmoid(logits) - wanted).square()).sum() / wanted.sum().clip(min=1.0)


def _inside_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy, summed over at most four classes' worth of pixels, and Dice per class."""
    entropy = F.binary_cross_entropy_with_logits(logits, wanted) * min(int(logits.shape[1]), 4)
    probability = F.sigmoid(logits)
    common = (probability * wanted).sum([0, 2, 3])
    dice = 1 - (2 * common + 1) / (probability.sum([0, 2, 3]) + wanted.sum([0, 2, 3]) + 1)
    return entropy + dice.mean()


def _object_losses(maps: SeedMaps, inputs: Mapping[str, Tensor]) -> Losses:
    """Of the masks at sampled pixels, and of the points to which the pixels of an object point."""
    batch, classes, height, width = maps.inside.shape
    pixels = height * width
    first = (paddle.arange(batch).unsqueeze(1) * classes + inputs["gt_class"]) * pixels
    values = paddle.concat([maps.inside.unsqueeze(2), maps.points, maps.reach.unsqueeze(2)], axis=2)
    table = values.transpose([0, 1, 3, 4, 2]).reshape([-1, 4])
    sampled = _taken(table, first.unsqueeze(-1) + inputs["gt_points"])
    seed = _taken(table, first + inputs["gt_seed"])
    middle = _taken(pixel_places(height, width).flatten(1).transpose([1, 0]), inputs["gt_middle"])

    covered, filled = inputs["gt_covered"].astype("float32"), inputs["gt_filled"]
    distance = (sampled[..., 1:3] - seed[..., 1:3].unsqueeze(2)).square().sum(-1)
    near = -SHARPNESS * distance * paddle.exp(-2 * seed[..., 3:4])
    near = paddle.maximum(near, _FAR + _FAR_SLOPE * (near - _FAR).clip(min=-400.0))
    logits = near + sampled[..., 0]
    entropy = F.binary_cross_entropy_with_logits(logits, covered, reduction="none").mean(-1)
    probability = F.sigmoid(logits)
    dice = 1 - (2 * (probability * covered).sum(-1) + 1) / (probability.sum(-1) + covered.sum(-1) + 1)
    off = F.smooth_l1_loss(sampled[..., 1:3], middle.unsqueeze(2).expand_as(sampled[..., 1:3]), reduction="none")
    off = (off.sum(-1) * covered).sum(-1) / covered.sum(-1).clip(min=1.0)
    return {"loss_mask": _mean(entropy + dice, filled), "loss_point": _mean(off, filled)}


def _taken(table: Tensor, index: Tensor) -> Tensor:
    """Rows of ``table`` [N, D] by an ``index`` of any shape: [*index.shape, D]."""
    return paddle.gather(table, index.flatten()).reshape([*index.shape, table.shape[-1]])


def _mean(values: Tensor, filled: Tensor) -> Tensor:
    return (values * filled).sum() / filled.sum().clip(min=1.0)
