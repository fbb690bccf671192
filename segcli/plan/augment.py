"""Augmentation beyond what the planned transforms hold: the more often an image is seen, the more it is varied."""

from __future__ import annotations

from typing import Any

from segcli.plan.choice import Choice

_OFTEN, _VERY_OFTEN = 200, 500
"""Passes over the data."""
_SCALES = [0.8, 1.25]
_ELASTIC = 0.3
_KINDS = ("brightness", "contrast", "saturation")
_RARELY, _HALF = (0.25, 0.15), (0.3, 0.5)
"""Strength and probability of a change of colours; the former are nnU-Net's (Isensee et al. 2021)."""


def colours(passes: float) -> dict[str, Any]:
    """PaddleSeg's colour distortion: rare where an image is not seen often, as colours also tell classes apart.

    The hue never changes: PaddleSeg's default shifts that of half of the images, so that grass may look like water.
    """
    strength, probability = _HALF if passes >= _OFTEN else _RARELY
    settings = {f"{kind}_range": strength for kind in _KINDS} | {f"{kind}_prob": probability for kind in _KINDS}
    return {"type": "RandomDistort", **settings, "hue_prob": 0.0}


def augment_choices(passes: float) -> list[Choice]:
    """Scale jitter, then elastic changes, with the number of times that each image is seen."""
    reason = f"each image is seen {passes:.0f} times: without changes it would be learnt by heart"
    chosen = [Choice("Train.augment.scale_jitter", _SCALES, reason)] if passes >= _OFTEN else []
    return [*chosen, Choice("Train.augment.elastic", _ELASTIC, reason)] if passes >= _VERY_OFTEN else chosen
