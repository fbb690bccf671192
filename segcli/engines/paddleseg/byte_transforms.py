"""PaddleSeg's transforms of pixel values, on uint8: only the crop is converted to float32, once, at the end.

Random numbers are drawn as PaddleSeg draws them. It changes colours with Pillow and float32; here lookup tables and
OpenCV's conversions do, which differ by one or two of 255 levels, and in hue by the rounding of HSV.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from segcli.data.image import RgbImage, with_channels
from segcli.models.spec import Preprocess

_LEVELS = np.arange(256, dtype=np.float32)
_FLIPS = ("RandomHorizontalFlip", "RandomVerticalFlip")
_COLOURS = 3


def apply_to_bytes(transform: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Applies a transform of PaddleSeg; one that does not support uint8 gets a float32 image."""
    name = type(transform).__name__
    if data["img"].dtype == np.uint8:
        if name == "RandomDistort" and data["img"].ndim == _COLOURS:
            return {**data, "img": distorted(transform, data["img"])}
        if name not in _FLIPS:
            data = {**data, "img": data["img"].astype(np.float32)}
    changed: dict[str, Any] = transform(data)
    return {**changed, "img": with_channels(changed["img"])}


def split_normalize(transforms: list[Any]) -> tuple[list[Any], Preprocess | None]:
    """The transforms without a final `Normalize`, and its mean and deviation; None where there is none."""
    if not transforms or type(transforms[-1]).__name__ != "Normalize":
        return transforms, None
    mean, std = (tuple(float(value) for value in values) for values in (transforms[-1].mean, transforms[-1].std))
    return (transforms[:-1], Preprocess(mean=mean, std=std)) if len(mean) == len(std) else (transforms, None)


def distorted(transform: Any, rgb: RgbImage) -> RgbImage:
    """The image changed as PaddleSeg's `RandomDistort` would, uint8 [H, W, 3]."""
    changes = ["brightness", "contrast", "saturation", "sharpness", "hue"]
    random.shuffle(changes)
    rgb = np.ascontiguousarray(rgb)
    for name in changes:
        if np.random.uniform(0, 1) < getattr(transform, f"{name}_prob"):
            width = getattr(transform, f"{name}_range")
            centre = 0 if name == "hue" else 1
            rgb = _CHANGES[name](rgb, np.random.uniform(centre - width, centre + width))
    return rgb


def _brightness(rgb: RgbImage, factor: float) -> RgbImage:
    return _looked_up(rgb, _LEVELS * factor)


def _contrast(rgb: RgbImage, factor: float) -> RgbImage:
    mean = int(cv2.mean(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))[0] + 0.5)
    return _looked_up(rgb, mean + factor * (_LEVELS - mean))


def _looked_up(rgb: RgbImage, values: NDArray[np.float32]) -> RgbImage:
    return np.asarray(cv2.LUT(rgb, np.clip(values, 0, 255).astype(np.uint8)), np.uint8)


def _saturation(rgb: RgbImage, factor: float) -> RgbImage:
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(rgb, factor, grey, 1 - factor, 0), np.uint8)


def _hue(rgb: RgbImage, shift: float) -> RgbImage:
    """Shifts hues, which range from 0 to 255 as in Pillow."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL)
    turned = ((np.arange(256) + int(shift)) % 256).astype(np.uint8)
    cv2.insertChannel(cv2.LUT(cv2.extractChannel(hsv, 0), turned), hsv, 0)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), np.uint8)


def _sharpness(rgb: RgbImage, factor: float) -> RgbImage:
    return np.asarray(ImageEnhance.Sharpness(Image.fromarray(rgb)).enhance(factor))


_CHANGES: dict[str, Callable[[RgbImage, float], RgbImage]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "sharpness": _sharpness,
    "hue": _hue,
}
