"""Whether an image is far from those that a model has learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.fingerprint.images import colours_of

_SIDES = 4.0
"""Times larger or smaller than every training image."""
_LEAST_MARGIN = 25.0
"""Of 255 levels: a margin for datasets whose images are all alike."""


def differences(rgb: NDArray[np.uint8], learnt: Mapping[str, Any]) -> Iterator[str]:
    """How an image differs from all training images, in words; nothing where it does not.

    Args:
        rgb: The image, uint8 [H, W, 3].
        learnt: `ImageNumbers.as_dict` of the training images; what is missing in it is not compared.
    """
    height, width = rgb.shape[:2]
    for name, side in (("width", width), ("height", height)):
        known = learnt.get(f"{name}_px")
        if known and not known["min"] / _SIDES <= side <= known["max"] * _SIDES:
            yield f"{name} {side} px, learnt from {known['min']:.0f} to {known['max']:.0f}"
    colours = colours_of(rgb)
    for name, value in (("brightness", sum(colours.mean) / 3), ("contrast", sum(colours.std) / 3)):
        known = learnt.get(name)
        if known:
            margin = max((known["max"] - known["min"]) / 2, _LEAST_MARGIN)
            if not known["min"] - margin <= value <= known["max"] + margin:
                yield f"{name} {value:.0f} of 255, learnt from {known['min']:.0f} to {known['max']:.0f}"


def is_larger(rgb: NDArray[np.uint8], learnt: Mapping[str, Any]) -> bool:
    """Whether a side of an image is far longer than in every training image; arguments as above."""
    sides = zip(("width_px", "height_px"), rgb.shape[1::-1], strict=True)
    return any(name in learnt and side > learnt[name]["max"] * _SIDES for name, side in sides)
