"""What is kept of an image itself, so that scores can be looked at by it."""

from __future__ import annotations

import cv2

from segcli.data.image import RgbImage


def brightness(rgb: RgbImage) -> float:
    """Mean grey value (ITU-R BT.601), 0 to 255."""
    red, green, blue, _ = cv2.mean(rgb)
    return 0.299 * red + 0.587 * green + 0.114 * blue
