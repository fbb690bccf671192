"""Build any of the fifteen instance networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle

from segcli.engines.paddledet.cures import apply_cures
from segcli.engines.paddledet.workspace import workspace
from segcli.models.instance.recipes import instance_recipe


def build_instance_network(
    name: str, num_classes: int, input_size: int, *, overrides: Mapping[str, Any] | None = None
) -> Any:
    """The network with random weights, in training mode.

    Parameter names restart at each call, so optimizer states of another process fit.

    Args:
        name: PaddleX's name, one of `segcli.models.instance.recipes.INSTANCE_MODELS`.
        num_classes: Classes, background not counted.
        input_size: Side in pixels of the pictures that it will mostly see. No network is bound to it.
        overrides: Laid over the recipe, e.g. `segcli.models.instance.recipes.FROM_SCRATCH`.

    Returns:
        A `paddle.nn.Layer`. Called with ``{image, im_shape, scale_factor}`` in evaluation mode it returns ``bbox``
        [N, 6] (class, score, x1, y1, x2, y2 in original pixels), ``bbox_num`` and ``mask``; with ground truth in
        training mode a dictionary of losses with their sum as ``loss``.

    Raises:
        UsageError: There is no such model.
        MissingPartError: PaddleDetection is missing.
    """
    recipe = instance_recipe(name, num_classes, overrides=overrides)
    recipe["eval_size"] = [input_size, input_size]
    with workspace(recipe) as create, paddle.utils.unique_name.guard():
        apply_cures()
        network = create(recipe["architecture"])
    network.train()
    return network
