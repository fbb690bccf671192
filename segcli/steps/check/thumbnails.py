"""Thumbnails of findings: a mask over its image, an object in its surroundings, two images side by side."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.boxes import BoxLtwh
from segcli.data.classes import ClassMap
from segcli.data.image import RgbImage, StrPath, open_mask, read_image
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.samples import SegSample
from segcli.errors import InputError
from segcli.report.overlay import overlay

SIDE_PX = 240
_MARGIN = 0.5
_LEAST_CROP_PX = 64
_UNKNOWN = (255, 0, 200)
_OUTLINE, _BOX = (0, 190, 90), (230, 30, 30)


def draw_mask_place(sample: SegSample, classes: ClassMap) -> RgbImage:
    """A sample with its mask over it; pixels without a class stand out. Only the image if the mask is not readable."""
    rgb = fitted(read_image(sample.image), SIDE_PX)
    try:
        values = open_mask(sample.mask).array
    except InputError:
        return rgb
    if values.ndim == 3:
        return beside(rgb, fitted(np.ascontiguousarray(values[..., 2::-1] if values.shape[2] > 2 else values), SIDE_PX))
    ids = np.clip(values, 0, 255).astype(np.uint8)
    ids = cv2.resize(ids, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    painted = overlay(rgb, np.asarray(ids, np.uint8), classes)
    painted[(ids >= len(classes)) & (ids != classes.ignore_index)] = _UNKNOWN
    return painted


def draw_pair(one: StrPath, other: StrPath) -> RgbImage:
    """Two images side by side."""
    return beside(*(fitted(read_image(path), SIDE_PX) for path in (one, other)))


def draw_object_place(sample: InstanceSample, value: InstanceObject, _classes: ClassMap) -> RgbImage:
    """An object in its surroundings: its outline in green, its box in red."""
    rgb = read_image(sample.image)
    left, top, right, bottom = _surroundings(value.box, rgb.shape[1], rgb.shape[0])
    crop = np.ascontiguousarray(rgb[top:bottom, left:right])
    scale = SIDE_PX / max(crop.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    drawn = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    x, y, width, height = value.box
    corners = [(x - left, y - top), (x + width - left, y + height - top)]
    first, second = (tuple(round(scale * number) for number in corner) for corner in corners)
    cv2.rectangle(drawn, first, second, _BOX, 1, cv2.LINE_AA)
    for ring in _rings(value):
        points = np.rint((ring - (left, top)) * scale).astype(np.int32)
        cv2.polylines(drawn, [points], isClosed=True, color=_OUTLINE, thickness=2, lineType=cv2.LINE_AA)
    return drawn


def fitted(rgb: RgbImage, side: int) -> RgbImage:
    """The image with its longer side at `side` px; a grey channel is repeated."""
    if rgb.ndim == 2 or rgb.shape[2] != 3:
        rgb = np.repeat((rgb if rgb.ndim == 2 else rgb[..., 0])[..., np.newaxis], 3, axis=2)
    scale = side / max(rgb.shape[:2])
    size = tuple(max(1, round(scale * length)) for length in rgb.shape[1::-1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)


def beside(one: RgbImage, other: RgbImage) -> RgbImage:
    """Two images side by side, on white."""
    height = max(one.shape[0], other.shape[0])
    gap = np.full((height, 6, 3), 255, np.uint8)
    return np.hstack([_padded(one, height), gap, _padded(other, height)])


def _padded(rgb: RgbImage, height: int) -> RgbImage:
    return np.pad(rgb, ((0, height - rgb.shape[0]), (0, 0), (0, 0)), constant_values=255)


def _surroundings(box: BoxLtwh, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a square around a box, inside of the image."""
    x, y, wide, high = box
    side = max((1 + 2 * _MARGIN) * max(wide, high), _LEAST_CROP_PX)
    left = int(np.clip(x + wide / 2 - side / 2, 0, max(width - side, 0)))
    top = int(np.clip(y + high / 2 - side / 2, 0, max(height - side, 0)))
    return left, top, min(width, left + int(side) + 1), min(height, top + int(side) + 1)


def _rings(value: InstanceObject) -> list[NDArray[np.float64]]:
    if isinstance(value.segmentation, tuple):
        return [np.reshape(np.array(ring, np.float64), (-1, 2)) for ring in value.segmentation]
    crop = rle.decode_crop(value.segmentation)
    if crop is None:
        return []
    mask, left, top = crop
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top))
    return [contour[:, 0].astype(np.float64) for contour in contours]
