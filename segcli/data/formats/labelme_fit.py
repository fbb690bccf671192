"""Fits shapes to their image when it was resized or rotated to its EXIF orientation after labelling.

The size stated in the LabelMe file shows which of the two happened: LabelMe before 5.0 and several other tools ignore
the EXIF orientation, and images are often downscaled after labelling.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from segcli.data.decoding.headers import ImageHeader
from segcli.data.formats.labelme import Shape
from segcli.data.image import FLIPS, upright

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Fit:
    """How to map shapes from the labelled image to the present image.

    Attributes:
        orientation: EXIF orientation by which they are rotated; 1 for none.
        labelled: Width and height in pixels of the labelled image, after rotation.
        size: Width and height in pixels of the present image.
    """

    orientation: int
    labelled: Size
    size: Size

    @property
    def is_scaled(self) -> bool:
        """Whether the size differs from that of the labelled image."""
        return self.labelled != self.size

    def apply(self, shape: Shape) -> Shape:
        """Maps a shape to the present image."""
        turned = _turned(shape, self.orientation, self.labelled) if self.orientation > 1 else shape
        return _scaled(turned, self.labelled, self.size) if self.is_scaled else turned


def fit_of(stated: Size, header: ImageHeader) -> Fit | None:
    """Finds the mapping from the stated size to the image with this header; None when they cannot be the same image."""
    turned = header.orientation >= 5
    upright_size, as_stored = header.size, (stated[1], stated[0])
    if stated == upright_size:
        return Fit(1, stated, upright_size)
    if turned and stated == header.stored_size:
        return Fit(header.orientation, as_stored, upright_size)
    if is_same_aspect(stated, upright_size):
        return Fit(1, stated, upright_size)
    if turned and is_same_aspect(stated, header.stored_size):
        return Fit(header.orientation, as_stored, upright_size)
    return None


def is_same_aspect(one: Size, other: Size) -> bool:
    """Whether one size is a scaled version of the other, with sides rounded to whole pixels."""
    small, large = sorted((one, other))
    factor = small[0] / large[0]
    return abs(large[1] * factor - small[1]) <= 1 and abs(large[0] * small[1] / large[1] - small[0]) <= 1


def _turned(shape: Shape, orientation: int, size: Size) -> Shape:
    """Rotates pixel centres, so that the same pixels are painted."""
    points = tuple(_turned_point(point, orientation, size) for point in shape.points)
    if shape.mask is None:
        return replace(shape, points=points)
    pixels = upright(_mask_pixels(shape.mask), orientation)
    (left, top), (rows, columns) = shape.points[0], pixels.shape
    far = (left + (rows if orientation >= 5 else columns) - 1, top + (columns if orientation >= 5 else rows) - 1)
    corners = [_turned_point(corner, orientation, size) for corner in ((left, top), far)]
    start = (min(x for x, _ in corners), min(y for _, y in corners))
    return _with_mask(shape, pixels, start)


def _turned_point(point: tuple[float, float], orientation: int, size: Size) -> tuple[float, float]:
    x, y = (point[1], point[0]) if orientation >= 5 else point
    flip = FLIPS.get(orientation)
    across, down = flip in (1, -1), flip in (0, -1)
    return size[0] - 1 - x if across else x, size[1] - 1 - y if down else y


def _scaled(shape: Shape, old: Size, new: Size) -> Shape:
    across, down = new[0] / old[0], new[1] / old[1]
    points = tuple((x * across, y * down) for x, y in shape.points)
    if shape.mask is None:
        return replace(shape, points=points)
    pixels = _mask_pixels(shape.mask)
    size = (max(1, round(pixels.shape[1] * across)), max(1, round(pixels.shape[0] * down)))
    return _with_mask(shape, cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), points[0])


def _with_mask(shape: Shape, pixels: np.ndarray, start: tuple[float, float]) -> Shape:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    end = (start[0] + pixels.shape[1] - 1, start[1] + pixels.shape[0] - 1)
    return replace(shape, points=(start, end), mask=target.getvalue())


def _mask_pixels(mask: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(mask)) as image:
        return np.asarray(image.convert("L").point([0] + [255] * 255), np.uint8)
