"""One image of the ranking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segcli.data.image import RgbImage
from segcli.data.samples import Split


@dataclass(frozen=True)
class RankedImage:
    """One image and how well its labels agree with the model.

    Attributes:
        name: Path relative to the dataset.
        split: Its split.
        score: 0 (the model contradicts the labels) to 1 (it agrees).
        why: Reason for the score, as text.
        draw: Draws the image with its labels beside the image with the predictions: RGB, uint8 [H, W, 3].
    """

    name: str
    split: Split
    score: float
    why: str
    draw: Callable[[], RgbImage]
