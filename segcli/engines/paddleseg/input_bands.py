"""Networks for images with another number of bands than the three of a colour image."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from segcli.data.decoding.image_range import COLOURS
from segcli.engine import Network
from segcli.errors import UsageError
from segcli.models.spec import Preprocess, Recipe

log = logging.getLogger("segcli.train")

COLOUR_TRANSFORMS = frozenset({"RandomDistort", "RandomBlur"})
"""PaddleSeg's transforms that work on red, green and blue only."""


def widen_input(network: Network, channels: int) -> Network:
    """Replaces the first convolution's weights by random ones for `channels` input channels; 3 changes nothing.

    Raises:
        UsageError: No convolution of the network takes three channels.
    """
    if channels != COLOURS:
        name, layer = _first_convolution(network)
        outputs, _, *kernel = (int(side) for side in layer.weight.shape)
        layer.weight = layer.create_parameter([outputs, channels, *kernel], attr=layer._param_attr)
        layer._in_channels = channels
        log.debug("%s takes %d channels", name, channels)
    return network


def band_transforms(recipes: Sequence[Recipe], preprocess: Preprocess) -> list[Recipe]:
    """The training transforms without those for colours only, with `Normalize` by each band's mean and deviation."""
    if preprocess.channels == COLOURS:
        return list(recipes)
    left_out = [recipe["type"] for recipe in recipes if recipe["type"] in COLOUR_TRANSFORMS]
    if left_out:
        log.info("%s left out: for colour images only, and this network takes other bands", ", ".join(left_out))
    scale = {"mean": list(preprocess.mean), "std": list(preprocess.std)}
    return [
        {**recipe, **scale} if recipe["type"] == "Normalize" else recipe
        for recipe in recipes
        if recipe["type"] not in COLOUR_TRANSFORMS
    ]


def _first_convolution(network: Network) -> tuple[str, Any]:
    from paddle.nn import Conv2D

    for name, layer in network.named_sublayers():
        if isinstance(layer, Conv2D) and layer._in_channels == COLOURS and layer._groups == 1:
            return name, layer
    raise UsageError(
        f"{type(network).__name__} has no convolution of {COLOURS} input channels to replace",
        hint="leave Global.input_channels out, or choose another model",
    )
