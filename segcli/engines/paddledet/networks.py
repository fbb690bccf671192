"""Builds the instance networks and brings their outputs to one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle

from segcli.engines.paddledet.options import with_options
from segcli.engines.paddledet.patches import apply_patches
from segcli.engines.paddledet.workspace import workspace
from segcli.errors import ConfigError, ConfigFault
from segcli.models.instance.boxes import cxcywh_to_xyxy, masks_to_boxes
from segcli.models.instance.image_masks import image_of_rows
from segcli.models.instance.recipes import instance_recipe
from segcli.models.operators.layers import use_own_layers


def build_instance_network(
    name: str,
    num_classes: int,
    input_size: int,
    *,
    overrides: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """The network with random weights, in training mode.

    Parameter names are numbered anew at each call, so optimizer states saved by another process fit.

    Args:
        name: One of `segcli.models.instance.recipes.INSTANCE_NAMES`.
        num_classes: Classes, background not counted.
        input_size: Usual side in pixels of the images; networks accept other sizes as well.
        overrides: Replace entries of the recipe, e.g. `segcli.models.instance.recipes.FROM_SCRATCH`.
        options: A user's `Train.network`, which replaces entries of both.

    Returns:
        A `paddle.nn.Layer`. Called with ``{image, im_shape, scale_factor}`` in evaluation mode it returns ``bbox``
        [N, 6] (class, score, x1, y1, x2, y2 in original pixels), ``bbox_num`` and ``mask``; with ground truth in
        training mode a dictionary of losses with their sum as ``loss``. SOLOv2's outputs have other names, which
        `detections` converts; SeedUNet returns the pixel maps ``inside`` and ``core``.

    Raises:
        UsageError: There is no such model.
        ConfigError: It cannot be built with these options.
        MissingPartError: PaddleDetection is missing.
    """
    recipe = instance_recipe(name, num_classes, input_size, overrides=overrides)
    if options:
        recipe = with_options(recipe, options)
    with workspace(recipe) as create, paddle.utils.unique_name.guard():
        apply_patches()
        try:
            network = create(recipe["architecture"])
        except (TypeError, ValueError, KeyError, IndexError, AssertionError) as fault:
            if not options:
                raise
            raise ConfigError([ConfigFault("Train.network", f"{name} cannot be built with it: {fault}")]) from fault
    use_own_layers(network)
    network.train()
    return network


def detections(output: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a network in evaluation mode, as ``bbox`` [N, 6], ``bbox_num`` [B] int32 and ``mask`` [N, H, W].

    SOLOv2 has no boxes: they are computed from its masks. Its filler rows (score 0) are left out, as are the boxes of
    an R-CNN that lie outside the image (class -1).
    """
    if "segm" in output:
        masks, scores = output["segm"], output["cate_score"]
        corners = _around(masks)
        label = output["cate_label"].astype("float32")
        bbox = paddle.concat([label.unsqueeze(-1), scores.unsqueeze(-1), corners], axis=1)
        keep = (scores > 0) & (corners[:, 2] > corners[:, 0])
    else:
        bbox, masks = output["bbox"], output["mask"]
        keep = bbox[:, 0] >= 0
    image = image_of_rows(bbox, output["bbox_num"])
    kept = paddle.nonzero(keep).flatten()
    counts = paddle.bincount(paddle.gather(image, kept), minlength=output["bbox_num"].shape[0]).astype("int32")
    return {"bbox": paddle.gather(bbox, kept), "bbox_num": counts, "mask": paddle.gather(masks, kept)}


def _around(masks: Any) -> Any:
    """Boxes [N, 4], ``xyxy``, in pixels, around masks [N, H, W]."""
    height, width = masks.shape[1:]
    size = paddle.to_tensor([width, height, width, height], dtype="float32")
    return cxcywh_to_xyxy(masks_to_boxes((masks > 0).unsqueeze(0))).squeeze(0) * size
