"""Recognises coordinates that are not x, y in pixels, from the outlines of many images together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from segcli.data.boxes import BoxXyxy

FEWEST_IMAGES = 3
LEAST_SIDE_PX = 16
"""In images with sides of at least this, an outline between 0 and 1 is normalised, not a tiny object in the corner."""
CHANCE = 1e-4
"""Probability below which outlines do not lie where they do by chance, if each image counts once."""
FEWEST_OUTSIDE, OUTSIDE_SHARE = 3, 0.2
"""From so many outlines outside of their images, and this share of all, the cause is the size of the images."""
_HUNDRED = 100.0
_NEARLY_ALL = 80.0
_ROUNDING = 1.0
_BEYOND_PX = 2.0
_FREE_SHARE = 0.25
"""Least share of the width, and of the height, that is free on the far side if outlines lie in one corner."""


class Reading(str, Enum):
    """What coordinates are instead of x, y in pixels."""

    SHARES = "shares of the image from 0 to 1"
    PERCENT = "percent of the image from 0 to 100"
    EXCHANGED = "y before x"


@dataclass(frozen=True)
class Extents:
    """The smallest box around all outlines of each image.

    Attributes:
        boxes: Left, top, right, bottom as if in pixels, float64 [n, 4].
        sizes: Width and height of each image in pixels, float64 [n, 2].
    """

    boxes: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @staticmethod
    def of(images: Iterable[tuple[tuple[int, int], Iterable[BoxXyxy]]]) -> Extents:
        """The extents of images, each with its size and the boxes of its outlines; those without any are left out."""
        boxes, sizes = [], []
        for size, own in images:
            if edges := list(own):
                left, top, right, bottom = zip(*edges, strict=True)  # of few boxes faster than with NumPy
                boxes.append([min(left), min(top), max(right), max(bottom)])
                sizes.append(size)
        return Extents(np.array(boxes, np.float64).reshape(-1, 4), np.array(sizes, np.float64).reshape(-1, 2))

    def reading(self) -> Reading | None:
        """What the coordinates are, if they cannot be x, y in pixels; None if they can."""
        if not len(self.boxes):
            return None
        near, far = self.boxes[:, :2], self.boxes[:, 2:]
        if near.min() >= 0 and far.max() <= 1 and self.sizes.min() >= LEAST_SIDE_PX:
            return Reading.SHARES
        if len(self.boxes) < FEWEST_IMAGES:
            return None
        if self._is_percent():
            return Reading.PERCENT
        return Reading.EXCHANGED if self._is_exchanged() else None

    def reach(self) -> tuple[float, float] | None:
        """Greatest share of width and height that outlines reach, if all lie in the upper left part; else None.

        Objects in the middle of their images leave as much space on the left as on the right; those of an image
        that was enlarged after labelling, or shrunk coordinates, do not.
        """
        if len(self.boxes) < FEWEST_IMAGES:
            return None
        before = (self.boxes[:, :2] / self.sizes).min(axis=0)
        reached = (self.boxes[:, 2:] / self.sizes).max(axis=0)
        after = 1 - reached
        if (after < _FREE_SHARE).any() or (2 * before > after).any() or reached.min() <= 0:
            return None
        return (float(reached[0]), float(reached[1])) if reached.prod() ** len(self.boxes) < CHANCE else None

    def _is_percent(self) -> bool:
        near, far = self.boxes[:, :2], self.boxes[:, 2:]
        if near.min() < -_ROUNDING or far.max() > _HUNDRED + _ROUNDING or far.max(axis=0).min() < _HUNDRED / 2:
            return False
        beyond = (self.boxes[:, 2:] - self.sizes > _BEYOND_PX).any(axis=1)
        if np.count_nonzero(beyond) >= FEWEST_IMAGES:  # no pixels; in small images chance says nothing
            return bool(far.max(axis=0).min() >= _NEARLY_ALL)
        return bool(np.minimum(_HUNDRED / self.sizes, 1).prod(axis=1).prod() < CHANCE)

    def _is_exchanged(self) -> bool:
        beyond = (self.boxes[:, 2:] - self.sizes > _BEYOND_PX).any(axis=1)
        fits = (self.boxes[:, 2:] - self.sizes[:, ::-1] <= _BEYOND_PX).all()
        return bool(np.count_nonzero(beyond) >= FEWEST_IMAGES and fits)
