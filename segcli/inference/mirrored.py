"""An image that is extended beyond its right and lower border by mirroring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.windows import Rect, Windows


def mirrored_length(length: int, crop: int, stride: int) -> int:
    """The smallest length, at least `length`, that tiles cover in whole steps.

    >>> mirrored_length(512, 256, 192), mirrored_length(448, 256, 192), mirrored_length(100, 100, 50)
    (640, 448, 100)
    """
    return crop + -(-max(0, length - crop) // stride) * stride


@dataclass(frozen=True)
class MirroredWindows:
    """Windows of the extended image; see `segcli.data.windows.Windows`.

    Attributes:
        inner: The original image.
        size: Height and width of the extended image.
    """

    inner: Windows
    size: tuple[int, int]

    def read(self, rect: Rect) -> NDArray[Any]:
        """The pixels of a rectangle; pixels outside the image are mirrored at its last row and column."""
        height, width = self.inner.size
        missing = max(0, rect.bottom - height), max(0, rect.right - width)
        if not any(missing):
            return self.inner.read(rect)
        # mirroring needs as many pixels before the border as it adds beyond it
        top = max(0, min(rect.top, height - 1 - missing[0]))
        left = max(0, min(rect.left, width - 1 - missing[1]))
        part = self.inner.read(Rect(left, top, min(rect.right, width), min(rect.bottom, height)))
        longer = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")
        return np.ascontiguousarray(longer[rect.top - top :, rect.left - left :])
