"""Which pixels of a label map lie near a border between two ids."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels

NEAR = 0.01
"""Distance from a border that is near, as a share of the diagonal."""


def near_borders(ids: Labels) -> NDArray[np.bool_]:
    """Whether a pixel is within 1 % of the diagonal (chessboard) of a pixel of another id: bool [H, W]."""
    size = 2 * max(1, round(NEAR * float(np.hypot(*ids.shape)))) + 1
    # the square is as wide as high, and done one side after the other: the time does not grow with its area
    row, column = np.ones((1, size), np.uint8), np.ones((size, 1), np.uint8)
    highest = cv2.dilate(cv2.dilate(ids, row), column)
    lowest = cv2.erode(cv2.erode(ids, row), column)
    return np.asarray(highest != lowest, np.bool_)
