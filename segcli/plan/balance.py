"""What a plan does about rare classes: in which order images come, where they are cropped, what the loss counts."""

from __future__ import annotations

import numpy as np

from segcli.data.fingerprint.labels import Fingerprint
from segcli.plan.choice import Choice

_RARE_PIXELS = 0.02
"""Share of the labelled pixels below which a class hardly counts in a mean over pixels, and in few crops."""
_RARE_IMAGES, _OF_MEDIAN = 0.15, 0.25
"""Share of the images that show a class, and that over the median class's, below which its images come more often."""
_FOCUS = 0.33
"""nnU-Net's share of crops (Isensee et al. 2021, "nnU-Net: a self-configuring method", Nature Methods)."""


def sampling_choices(data: Fingerprint) -> list[Choice]:
    """Images of a class that few of them show are drawn more often."""
    present = [(share, name) for share, name in zip(data.image_shares, data.class_names, strict=False) if share > 0]
    if len(present) < 3:
        return []
    least, name = min(present)
    median = float(np.median([share for share, _ in present]))
    images = round(least * data.train_images)
    if least >= min(_RARE_IMAGES, _OF_MEDIAN * median) or images < 2:
        return []
    reason = f"{name} is in about {images} of {data.train_images} images, which come up to four times per epoch"
    return [Choice("Train.sampling", "rare", reason)]


def loss_choices(data: Fingerprint, loss: object) -> list[Choice]:
    """Dice beside a plain cross entropy, which hardly sees a class of few pixels.

    Args:
        data: The dataset.
        loss: The recipe's loss.
    """
    rare = _rarest(data)
    types = loss.get("types", ()) if isinstance(loss, dict) else ()
    if rare is None or not types or any(one["type"] != "CrossEntropyLoss" for one in types):
        return []
    reason = f"{rare[1]} has {rare[0]:.1%} of the labelled pixels; Dice counts each class alike, however small it is"
    return [Choice("Train.loss", "ce + dice", reason)]


def focus_choices(data: Fingerprint, crop: tuple[int, int] | None) -> list[Choice]:
    """A third of the crops on classes, where crops show a part of the image only.

    Args:
        data: The dataset.
        crop: Width and height of the training crop; None where nothing is cropped.
    """
    rare = _rarest(data)
    if rare is None or crop is None or crop[0] * crop[1] > 0.5 * data.width_px * data.height_px:
        return []
    reason = f"{rare[1]} has {rare[0]:.1%} of the labelled pixels: a third of the crops are laid on a class, each alike"
    return [Choice("Train.crop_focus", _FOCUS, reason)]


def _rarest(data: Fingerprint) -> tuple[float, str] | None:
    """Share and name of the rarest class that there is, where it is rare."""
    present = [(share, name) for share, name in zip(data.class_shares, data.class_names, strict=False) if share > 0]
    rarest = min(present, default=(1.0, ""))
    return rarest if rarest[0] < _RARE_PIXELS else None
