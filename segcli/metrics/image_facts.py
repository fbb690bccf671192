"""Statistics of an image's appearance, by which scores can be broken down."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from segcli.data.image import RgbImage

_SIDE_PX = 256
"""Shorter side of the subsampled image."""


class Look(NamedTuple):
    """Statistics of an image's appearance.

    Attributes:
        brightness: Mean grey value (ITU-R BT.601), 0 to 255.
        contrast: Standard deviation of the grey values.
        saturation: Mean distance between the largest and the smallest channel, 0 to 255.
        sharpness: Standard deviation of the Laplacian of the grey values (Pech-Pacheco et al. 2000), low when blurred.
    """

    brightness: float
    contrast: float
    saturation: float
    sharpness: float


UNKNOWN = Look(float("nan"), float("nan"), float("nan"), float("nan"))
"""The look of an image that was not read."""


def look_of(rgb: RgbImage) -> Look:
    """The look of an image; 1 ms per megapixel."""
    step = max(1, min(rgb.shape[:2]) // _SIDE_PX)
    few = np.ascontiguousarray(rgb[::step, ::step])
    grey = cv2.cvtColor(few, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(grey)
    red, green, blue = cv2.split(few)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    _, edges = cv2.meanStdDev(cv2.Laplacian(_centre(rgb), cv2.CV_32F))
    return Look(float(mean[0, 0]), float(deviation[0, 0]), float(cv2.mean(spread)[0]), float(edges[0, 0]))


def _centre(rgb: RgbImage) -> RgbImage:
    """Grey values of the centre at full resolution, because subsampling would hide blur."""
    height, width = rgb.shape[:2]
    top, left = max(0, height - 2 * _SIDE_PX) // 2, max(0, width - 2 * _SIDE_PX) // 2
    part = np.ascontiguousarray(rgb[top : top + 2 * _SIDE_PX, left : left + 2 * _SIDE_PX])
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
