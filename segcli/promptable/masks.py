"""The masks predicted for prompts, and measurements on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segcli.data import rle as run_lengths
from segcli.data.rle import Rle
from segcli.promptable.prompts import ObjectPrompt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
STABILITY_OFFSET = 1.0


@dataclass(frozen=True)
class PromptMask:
    """The mask predicted for one prompt.

    Attributes:
        prompt: The prompt.
        rle: The mask as COCO's run-length code, ``{"size": [H, W], "counts": str}``.
        score: Predicted IoU (Segment Anything) or mean probability of the mask's pixels (LSeg).
        stability: IoU of the masks at a higher and at a lower threshold; 1 is the most stable.
        area_px: Area of the mask in pixels.
        bbox: x, y, width, height of the mask in pixels; zeros if it is empty.
        choice: Index of the network's mask: 0 for clear prompts, 1 to 3 for ambiguous ones.
        logits: ``[m, m]`` float32 at the model's resolution, for refinement; None if there are none.
    """

    prompt: ObjectPrompt
    rle: Rle
    score: float
    stability: float
    area_px: int
    bbox: tuple[int, int, int, int]
    choice: int = 0
    logits: FloatArray | None = None

    @property
    def mask(self) -> BoolArray:
        """The mask as ``[H, W]`` bool."""
        return np.asarray(run_lengths.decode(self.rle), np.bool_)


def make_mask(
    prompt: ObjectPrompt,
    mask: BoolArray,
    *,
    score: float,
    stability: float,
    choice: int = 0,
    logits: FloatArray | None = None,
) -> PromptMask:
    """Encodes a mask ``[H, W]`` and measures its area and bounding box."""
    rle = run_lengths.encode(mask)
    x, y, width, height = (round(value) for value in run_lengths.bounding_box(rle))
    return PromptMask(
        prompt, rle, score, stability, run_lengths.area(rle), (x, y, width, height), choice=choice, logits=logits
    )


def stability_score(logits: npt.NDArray[Any], offset: float = STABILITY_OFFSET) -> npt.NDArray[np.float64]:
    """IoU of the masks at the thresholds ``+offset`` and ``-offset`` (segment_anything/utils/amg.py).

    Args:
        logits: ``[..., H, W]``.
        offset: Distance of the thresholds from 0.

    Returns:
        ``[...]`` in 0..1; 0 if the mask at the lower threshold is empty too.
    """
    inner = np.count_nonzero(logits > offset, axis=(-2, -1))
    outer = np.count_nonzero(logits > -offset, axis=(-2, -1))
    return np.asarray(inner / np.maximum(outer, 1), np.float64)
