"""Truth, prediction and mistakes of one image as drawings."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.borders import near_borders
from segcli.data.classes import ClassMap
from segcli.data.image import Labels, RgbImage
from segcli.data.rle import Rle
from segcli.report.overlay import overlay

INTERIOR, BOUNDARY = (208, 32, 32), (245, 170, 30)
"""Colours of wrong pixels: far from a true border, and near one."""
RIGHT, FALSE, MISSING = (40, 165, 75), (208, 32, 32), (40, 110, 230)
"""Colours of objects: found, found where none is, and not found."""
ColourKey = tuple[tuple[tuple[int, int, int], str], ...]
PIXEL_KEY: ColourKey = ((BOUNDARY, "wrong, near a true border"), (INTERIOR, "wrong, elsewhere"))
OBJECT_KEY: ColourKey = ((RIGHT, "found"), (FALSE, "false"), (MISSING, "missing"))
"""What the colours mean."""


def draw_labels(rgb: RgbImage, ids: Labels, classes: ClassMap) -> RgbImage:
    """A label map over its image; the label map's size counts."""
    return np.asarray(overlay(_sized(rgb, ids.shape), ids, classes), np.uint8)


def draw_wrong_pixels(rgb: RgbImage, labels: Labels, truth: Labels, ignore_index: int) -> RgbImage:
    """The image in grey, wrong pixels in colour by where they lie."""
    grey = cv2.cvtColor(_sized(rgb, truth.shape), cv2.COLOR_RGB2GRAY)
    drawn = np.asarray(cv2.cvtColor(cv2.addWeighted(grey, 0.6, np.full_like(grey, 255), 0.4, 0), cv2.COLOR_GRAY2RGB))
    wrong = (labels != truth) & (truth != ignore_index)
    near = near_borders(truth)
    drawn[wrong & ~near] = INTERIOR
    drawn[wrong & near] = BOUNDARY
    return np.asarray(drawn, np.uint8)


def draw_found_objects(rgb: RgbImage, found: Iterable[Rle], false: Iterable[Rle], missing: Iterable[Rle]) -> RgbImage:
    """The image with found, false and missing objects in their colours."""
    drawn = rgb.copy()
    for masks, colour in ((found, RIGHT), (missing, MISSING), (false, FALSE)):
        for mask in masks:
            _tint(drawn, rle.decode(mask), colour)
    return drawn


def _tint(drawn: RgbImage, mask: NDArray[np.uint8], colour: tuple[int, int, int]) -> None:
    inside = mask > 0
    drawn[inside] = (0.55 * drawn[inside] + 0.45 * np.array(colour)).astype(np.uint8)
    rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    drawn[rim & inside] = colour


def _sized(rgb: RgbImage, shape: tuple[int, ...]) -> RgbImage:
    if rgb.shape[:2] == shape[:2]:
        return rgb
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
