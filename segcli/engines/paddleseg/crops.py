"""PaddleSeg's scaling and cropping in one step: only the pixels of the crop are scaled and kept, as uint8.

PaddleSeg converts the whole image to float32, scales it, and discards most of it. Random numbers are drawn as it
draws them; labels are identical, and pixels differ by one or two of 255 levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels, RgbImage, with_channels

_REDUCTIONS = (8, 4, 2)
"""Factors by which a JPEG file can be decoded at reduced size, in a fraction of the time."""


@dataclass(frozen=True)
class Cut:
    """Where a crop lies in the scaled image.

    Attributes:
        scaled: Height and width to which the image would be scaled.
        top: First row of the crop.
        left: First column of the crop.
    """

    scaled: tuple[int, int]
    top: int
    left: int

    def reduction(self, height: int, width: int) -> int:
        """The largest factor by which an image of this size may be decoded smaller without falling below `scaled`."""
        fits = (
            factor for factor in _REDUCTIONS if self.scaled[0] * factor <= height and self.scaled[1] * factor <= width
        )
        return next(fits, 1)


class ScaledCrop:
    """`ResizeStepScaling` and `RandomPaddingCrop` together.

    Args:
        scaling: PaddleSeg's `ResizeStepScaling`.
        crop: PaddleSeg's `RandomPaddingCrop` whose crop does not depend on the labels.
    """

    def __init__(self, scaling: Any, crop: Any) -> None:
        self._scaling = scaling
        self._crop = crop

    def sample(self, height: int, width: int) -> Cut:
        """A random scale and position for an image of this size, with the same random numbers as PaddleSeg."""
        factor = self._draw_factor()
        scaled = max(1, round(factor * height)), max(1, round(factor * width))
        rows, columns = self._crop.crop_size
        if scaled == (rows, columns):
            return Cut(scaled, 0, 0)
        left, top, _, _ = self._crop._get_crop_coordinates((max(scaled[0], rows), max(scaled[1], columns)))
        return Cut(scaled, int(top), int(left))

    def sample_on(self, mask: Labels, ignored: int) -> Cut:
        """A random scale, and a position that shows a pixel of a class; each class of the mask is equally likely."""
        height, width = mask.shape
        factor = self._draw_factor()
        scaled = max(1, round(factor * height)), max(1, round(factor * width))
        counts = np.bincount(mask.ravel(), minlength=256)
        classes = [class_id for class_id in np.flatnonzero(counts).tolist() if class_id != ignored]
        if not classes:
            return Cut(scaled, 0, 0)
        class_id = classes[np.random.randint(len(classes))]
        pixel = np.flatnonzero(mask.ravel() == class_id)[np.random.randint(counts[class_id])]
        place = (int(pixel) // width * scaled[0] // height, int(pixel) % width * scaled[1] // width)
        top, left = (
            int(np.clip(at - np.random.randint(side), 0, max(whole - side, 0)))
            for at, side, whole in zip(place, self._crop.crop_size, scaled, strict=True)
        )
        return Cut(scaled, top, left)

    def _draw_factor(self) -> float:
        low, high, step = (
            self._scaling.min_scale_factor,
            self._scaling.max_scale_factor,
            self._scaling.scale_step_size,
        )
        if low == high:
            return float(low)
        if step == 0:
            return float(np.random.uniform(low, high))
        factors = np.linspace(low, high, int((high - low) / step + 1)).tolist()
        np.random.shuffle(factors)
        return float(factors[0])

    def image(self, rgb: RgbImage, cut: Cut) -> RgbImage:
        """The crop of an image that may have been decoded smaller: uint8 [rows, columns, channels]."""
        rows, columns = self._kept(cut)
        height, width = rgb.shape[:2]
        if (height, width) == cut.scaled:
            kept = rgb[cut.top : cut.top + rows, cut.left : cut.left + columns]
        else:
            x, y = width / cut.scaled[1], height / cut.scaled[0]
            from_crop = np.array([[x, 0, (cut.left + 0.5) * x - 0.5], [0, y, (cut.top + 0.5) * y - 0.5]])
            way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            kept = cv2.warpAffine(rgb, from_crop, (columns, rows), flags=way, borderMode=cv2.BORDER_REPLICATE)
        grey = (int(self._crop.im_padding_value),) * 4
        return np.asarray(with_channels(self._padded(with_channels(kept), grey)), np.uint8)

    def labels(self, mask: Labels, cut: Cut) -> Labels:
        """The crop of a mask: uint8 [rows, columns]."""
        rows, columns = self._kept(cut)
        ys = _nearest(cut.top, rows, mask.shape[0], cut.scaled[0])
        xs = _nearest(cut.left, columns, mask.shape[1], cut.scaled[1])
        return np.asarray(
            self._padded(mask.take(ys, axis=0).take(xs, axis=1), self._crop.label_padding_value), np.uint8
        )

    def _kept(self, cut: Cut) -> tuple[int, int]:
        rows, columns = self._crop.crop_size
        return min(rows, cut.scaled[0] - cut.top), min(columns, cut.scaled[1] - cut.left)

    def _padded(self, kept: NDArray[np.uint8], value: Any) -> Any:
        below, beside = (wanted - side for wanted, side in zip(self._crop.crop_size, kept.shape, strict=False))
        if not below and not beside:
            return kept
        return cv2.copyMakeBorder(kept, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=value)


def _nearest(first: int, count: int, source: int, scaled: int) -> NDArray[np.intp]:
    """Source positions of scaled positions, by OpenCV's nearest-neighbour rule."""
    places = np.floor(np.arange(first, first + count) * (1.0 / (scaled / source))).astype(np.intp)
    return np.asarray(np.minimum(places, source - 1), np.intp)


def with_scaled_crop(transforms: Sequence[Any]) -> tuple[ScaledCrop | None, list[Any]]:
    """The first two transforms as one where they scale and crop, else None; and the remaining transforms."""
    names = [type(transform).__name__ for transform in transforms[:2]]
    if names == ["ResizeStepScaling", "RandomPaddingCrop"] and transforms[1].category_max_ratio >= 1:
        return ScaledCrop(*transforms[:2]), list(transforms[2:])
    return None, list(transforms)
