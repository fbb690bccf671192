"""How undecided a semantic network is between its classes at each pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segcli.inference.activation import PLAIN, Activation
from segcli.inference.decode_labels import resize_logits

_ROWS = 64


def entropy_map(
    outputs: NDArray[np.float32], height: int, width: int, activation: Activation = PLAIN
) -> NDArray[np.uint8]:
    """Entropy of the class probabilities relative to that of a uniform distribution, uint8 [H, W]; 255 stands for 1.

    Args:
        outputs: Outputs of the network for one image [classes, h, w], which are resized to the image.
        height: Height of the image.
        width: Width of the image.
        activation: How they become probabilities, as in `label_scores`.
    """
    large = resize_logits(outputs, height, width)
    entropy = np.empty((height, width), np.uint8)
    most = np.log(max(len(outputs), 2))
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        logits = activation.logits(large[:, rows])
        shifted = (logits - logits.max(axis=0)) / np.float32(activation.temperature)
        weights = np.exp(shifted)
        total = weights.sum(axis=0)
        # entropy of weights w / total is log(total) - sum(w * log w) / total
        found = np.log(total) - (weights * shifted).sum(axis=0) / total
        entropy[rows] = np.rint(255 * np.clip(found / most, 0, 1))
    return entropy
