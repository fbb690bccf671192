"""How certain a semantic network is at each pixel: the probability of the chosen class, and the entropy over all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcli.inference.decode_labels import resize_logits

_ROWS = 64
Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Certainty:
    """Maps of one image, uint8 [H, W]; 255 stands for 1.

    Attributes:
        confidence: Probability of the chosen class.
        entropy: Entropy of the probabilities, relative to that of a uniform distribution.
    """

    confidence: Grey
    entropy: Grey


def certainty(logits: NDArray[np.float32], height: int, width: int) -> Certainty:
    """The maps of logits [classes, h, w], in the size of the image; with a single class the confidence is 1."""
    large = resize_logits(logits, height, width)
    confidence, entropy = np.empty((height, width), np.uint8), np.empty((height, width), np.uint8)
    most = np.log(max(len(logits), 2))
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        shifted = large[:, rows] - large[:, rows].max(axis=0)
        weights = np.exp(shifted)
        total = weights.sum(axis=0)
        # entropy of weights w / total is log(total) - sum(w * log w) / total
        found = np.log(total) - (weights * shifted).sum(axis=0) / total
        confidence[rows] = np.rint(255 / total)
        entropy[rows] = np.rint(255 * np.clip(found / most, 0, 1))
    return Certainty(confidence, entropy)
