"""Networks that take another number of bands than the three of a colour image."""

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
"""PaddleSeg's transforms that know red, green and blue alone."""


def widen_input(network: Network, channels: int) -> Network:
    """Gives the first convolution of a network as many input channels, with random weights.

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
    """The training transforms without those of colours, normalising each band."""
    if preprocess.channels == COLOURS:
        return list(recipes)
    left_out = [recipe["type"] for recipe in recipes if recipe["type"] in COLOUR_TRANSFORMS]
    if left_out:
        log.info("%s: for colours alone, left out as the network takes bands", ", ".join(left_out))
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
        f"{type(network).__name__} has no convolution of {COLOURS} channels to be widened",
        hint="leave Global.input_channels out, or choose another model",
    )
