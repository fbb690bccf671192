"""Small images of one size as one array: per image, a call of OpenCV or NumPy takes longer than its work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def stacks(images: Sequence[NDArray[np.uint8]], most_px: int) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """The images in stacks [n, H, W, ...], each with the places of its images: one for all of a shape whose sides are
    at most `most_px`, and one for each larger image.

    >>> small, large = np.zeros((2, 3), np.uint8), np.zeros((9, 9), np.uint8)
    >>> [(places, stack.shape) for places, stack in stacks([small, large, small], 4)]
    [([1], (1, 9, 9)), ([0, 2], (2, 2, 3))]
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        if max(image.shape[:2]) > most_px:
            yield [place], image[np.newaxis]
        else:
            alike.setdefault(image.shape, []).append(place)
    for places in alike.values():
        yield places, np.array([images[place] for place in places])  # twice as fast as np.stack
