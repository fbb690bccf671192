"""How certain a network is at each pixel, in memory that does not grow with the number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.inference.activation import PLAIN, Activation

SAMPLED = 2048
"""Number of pixels per image whose logits are kept."""


class LabelScores(NamedTuple):
    """A label map and its confidence.

    Attributes:
        labels: The label map, uint8 [H, W].
        confidence: Probability of the label at each pixel, float32 [H, W].
        places: Flat indices of uniformly sampled pixels, [n].
        logits: The logits of these pixels, float32 [n, classes].
    """

    labels: Labels
    confidence: NDArray[np.float32]
    places: NDArray[np.int64]
    logits: NDArray[np.float32]


def label_scores(outputs: NDArray[np.float32], height: int, width: int, activation: Activation = PLAIN) -> LabelScores:
    """The label map of outputs [classes, h, w] in the size of the image, and the probability of each pixel's label.

    Outputs are resized to the image before the argmax, as in `decode_labels.labels_of`; only one class at a time is
    held in full size.

    Args:
        outputs: Outputs of the network for one image.
        height: Height of the image.
        width: Width of the image.
        activation: How they become probabilities.
    """
    places = sampled_places(height * width)
    sampled = np.empty((len(places), len(outputs)), np.float32)
    labels, best = np.zeros((height, width), np.uint8), np.full((height, width), -np.inf, np.float32)
    for class_id, plane in enumerate(_planes(outputs, height, width)):
        sampled[:, class_id] = plane.reshape(-1)[places]
        rises = plane > best
        labels[rises] = class_id
        np.maximum(best, plane, out=best)
    best, total = activation.logits(best), np.zeros((height, width), np.float32)
    for plane in _planes(outputs, height, width):
        total += np.exp((activation.logits(plane) - best) / np.float32(activation.temperature))
    return LabelScores(labels, np.divide(np.float32(1), total, out=total), places, activation.logits(sampled))


@lru_cache(maxsize=8)
def sampled_places(pixels: int) -> NDArray[np.int64]:
    """At most `SAMPLED` flat indices of an image, the same for all images with this number of pixels."""
    if pixels <= SAMPLED:
        return np.arange(pixels)
    return np.unique(np.random.default_rng(0).integers(0, pixels, SAMPLED))


def _planes(outputs: NDArray[np.float32], height: int, width: int) -> Iterator[NDArray[np.float32]]:
    for plane in outputs:
        whole = np.ascontiguousarray(plane, np.float32)
        if whole.shape != (height, width):
            whole = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        yield whole
