"""How undecided a semantic network is between its classes at each pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segcli.inference.decode_labels import resize_logits

_ROWS = 64


def entropy_map(logits: NDArray[np.float32], height: int, width: int, temperature: float = 1.0) -> NDArray[np.uint8]:
    """Entropy of the class probabilities relative to that of a uniform distribution, uint8 [H, W]; 255 stands for 1.

    Args:
        logits: Logits of one image [classes, h, w], which are resized to the image.
        height: Height of the image.
        width: Width of the image.
        temperature: Logits are divided by it before the softmax, as in `label_scores`.
    """
    large = resize_logits(logits, height, width)
    entropy = np.empty((height, width), np.uint8)
    most = np.log(max(len(logits), 2))
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        shifted = (large[:, rows] - large[:, rows].max(axis=0)) / np.float32(temperature)
        weights = np.exp(shifted)
        total = weights.sum(axis=0)
        # entropy of weights w / total is log(total) - sum(w * log w) / total
        found = np.log(total) - (weights * shifted).sum(axis=0) / total
        entropy[rows] = np.rint(255 * np.clip(found / most, 0, 1))
    return entropy
