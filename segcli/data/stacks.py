"""Small images of one size as one array: per image, a call of OpenCV or NumPy takes longer than its work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.data.prefetch import batched

STACKED_PX = 32
"""Sides up to which images of one shape are stacked."""
MOST_STACKED = 64
"""Images of a stack, which is then no more than OpenCV works on alone: from 2^16 pixels it shares the work out among
threads, whose waiting for more of it costs more time than such work."""

Stacks = list[tuple[list[int], NDArray[np.uint8]]]
"""Some images as arrays [n, H, W, ...], each with the places of its images among all."""


def stacks(images: Sequence[NDArray[np.uint8]]) -> Stacks:
    """The images in stacks: up to `MOST_STACKED` of one shape, their sides at most `STACKED_PX`; larger ones alone.

    >>> small, large = np.zeros((2, 3), np.uint8), np.zeros((99, 9), np.uint8)
    >>> [(places, stack.shape) for places, stack in stacks([small, large, small])]
    [([1], (1, 99, 9)), ([0, 2], (2, 2, 3))]
    """
    found: Stacks = []
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        shape = image.shape
        if shape[0] > STACKED_PX or shape[1] > STACKED_PX:
            found.append(([place], image[np.newaxis]))
        else:
            alike.setdefault(shape, []).append(place)
    for every in alike.values():
        for places in batched(every, MOST_STACKED):
            # np.array takes half the time of np.stack
            found.append((places, np.array([images[place] for place in places])))
    return found
