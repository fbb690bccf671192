"""Augmentation beyond what the planned transforms hold: the more often an image is seen, the more it is varied."""

from __future__ import annotations

from segcli.plan.choice import Choice

_OFTEN, _VERY_OFTEN = 200, 500
"""Passes over the data."""
_SCALES = [0.8, 1.25]
_ELASTIC = 0.3


def augment_choices(passes: float) -> list[Choice]:
    """Scale jitter, then elastic changes, with the number of times that each image is seen."""
    reason = f"each image is seen {passes:.0f} times: without changes it would be learnt by heart"
    chosen = [Choice("Train.augment.scale_jitter", _SCALES, reason)] if passes >= _OFTEN else []
    return [*chosen, Choice("Train.augment.elastic", _ELASTIC, reason)] if passes >= _VERY_OFTEN else chosen
