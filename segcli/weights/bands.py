"""Adapts weights trained on RGB images to networks that take another number of bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segcli.data.decoding.image_range import COLOURS
from segcli.weights.arrays import Array
from segcli.weights.loading import BACKBONE


def widened(arrays: Mapping[str, Array], network: Any, channels: int) -> dict[str, Array]:
    """Adapts weights trained on RGB images to a network that takes other bands.

    The bands are initialised with the weights of red, green and blue in turn, scaled so that outputs keep their
    magnitude (as in P. Iakubovskii's segmentation_models.pytorch): bands of one scene are similar.
    """
    if channels == COLOURS:
        return dict(arrays)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    return {name: _fitted(array, wanted.get(name) or wanted.get(BACKBONE + name)) for name, array in arrays.items()}


def _fitted(array: Array, wanted: tuple[int, ...] | None) -> Array:
    shape = tuple(array.shape)
    if wanted is None or len(shape) != 4 or shape[1] != COLOURS or shape == wanted or shape[::2] != wanted[::2]:
        return array
    bands = np.arange(wanted[1]) % COLOURS
    return np.asarray(array[:, bands] * (COLOURS / wanted[1]), array.dtype)
