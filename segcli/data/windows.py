"""Parts of an image by rectangles: of one in memory, or of one that is never decoded whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from segcli.data.image import RgbImage


class Rect(NamedTuple):
    """Part of an image in pixels: from `left` and `top` to before `right` and `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def common(self, other: Rect) -> Rect | None:
        """What both have; None where that is nothing.

        >>> Rect(0, 0, 4, 4).common(Rect(2, 3, 9, 9))
        Rect(left=2, top=3, right=4, bottom=4)
        """
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rect(left, top, right, bottom) if left < right and top < bottom else None

    def within(self, outer: Rect) -> tuple[slice, slice]:
        """Its rows and columns in an array of a rectangle around it."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    @staticmethod
    def around(rects: Sequence[Rect]) -> Rect:
        """The smallest that holds all."""
        return Rect(
            min(rect.left for rect in rects),
            min(rect.top for rect in rects),
            max(rect.right for rect in rects),
            max(rect.bottom for rect in rects),
        )


class Windows(Protocol):
    """An image that is read part by part."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    def read(self, rect: Rect) -> RgbImage:
        """RGB, uint8 [h, w, 3], of a part inside of the image."""


@dataclass(frozen=True)
class ArrayWindows:
    """Parts of an image in memory.

    Attributes:
        rgb: The image, uint8 [H, W, 3].
    """

    rgb: RgbImage

    @property
    def size(self) -> tuple[int, int]:
        """See `Windows`."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def read(self, rect: Rect) -> RgbImage:
        """See `Windows`; not a copy."""
        return self.rgb[rect.top : rect.bottom, rect.left : rect.right]


def strips(image: Windows, rows: int) -> Iterator[tuple[int, RgbImage]]:
    """All of an image from above to below: the first row of each strip, and its pixels."""
    height, width = image.size
    for top in range(0, height, rows):
        yield top, image.read(Rect(0, top, width, min(top + rows, height)))


def preview_factor(size: tuple[int, int], most_px: int) -> int:
    """By which whole number the sides are divided so that none is longer than `most_px`."""
    return max(1, -(-max(size) // most_px))


def preview(image: Windows, most_px: int) -> RgbImage:
    """The image with no side longer than `most_px`, made strip by strip; each pixel is the mean of a square."""
    height, width = image.size
    factor = preview_factor((height, width), most_px)
    if factor == 1:
        return image.read(Rect(0, 0, width, height))
    small = np.empty((height // factor, width // factor, 3), np.uint8)
    at_once = max(1, 512 // factor)
    for first in range(0, len(small), at_once):
        after = min(first + at_once, len(small))
        part = image.read(Rect(0, first * factor, small.shape[1] * factor, after * factor))
        cv2.resize(part, (small.shape[1], after - first), dst=small[first:after], interpolation=cv2.INTER_AREA)
    return small
