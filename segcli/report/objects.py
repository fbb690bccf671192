"""Objects drawn over images: masks, outlines, boxes and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from segcli.data.classes import ClassMap
from segcli.data.palette import object_palette
from segcli.data.traced_mask import TracedMask
from segcli.report.fonts import font_for
from segcli.report.overlay import above_legend

RgbImage = NDArray[np.uint8]
Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""
_WIDEST_TAG = 1.6
"""Widest name beside its box, in widths of the box: small objects are not hidden behind their names."""


MOST_NAMED = 60
"""Names in one drawing, those of the largest objects; the legend names the classes of all."""
MOST_DRAWN = 500
"""Objects in one drawing, the largest ones; more of them hide each other."""

_SMALL_PX = 64
"""Longest side of a small object."""
_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class DrawnObject:
    """What is drawn of one object.

    Attributes:
        mask: Of the size of the image before it was scaled.
        box: Left, top, right, bottom in pixels of that image.
        class_id: Gives the colour.
        label: Written beside the box.
    """

    mask: TracedMask
    box: Rectangle
    class_id: int
    label: str


def draw_objects(
    rgb: RgbImage,
    objects: Sequence[DrawnObject],
    classes: ClassMap,
    *,
    alpha: float = 0.45,
    scale: float = 1.0,
    legend: bool = True,
) -> RgbImage:
    """An image with its objects, the large ones below, and a legend; of very many the largest `MOST_DRAWN`.

    Args:
        image: RGB, uint8 [H, W, 3].
        objects: In any order.
        classes: The classes.
        alpha: Weight of the colour, 0 (only the image) to 1 (only the colour).
        scale: Factor by which the image is scaled before anything is drawn.
        legend: Whether the names of the classes stand below.

    Returns:
        RGB, uint8, higher than the scaled image by the legend.
    """
    colours = object_palette(len(classes))
    scaled = _scaled(rgb, scale)
    if legend:
        page, drawn = above_legend(scaled, classes, {item.class_id for item in objects}, colours)
    else:
        page = drawn = scaled.copy()
    ordered = sorted(objects, key=lambda item: item.mask.area_px, reverse=True)[:MOST_DRAWN]
    for item in ordered:
        if item.mask.crop is not None:
            mask, left, top = _scaled_crop(*item.mask.crop, item.mask.code["size"], drawn.shape)
            part = drawn[top : top + mask.shape[0], left : left + mask.shape[1]]
            tint(part, mask, colours[item.class_id], alpha)
    boxes = [_scaled_box(item.box, scale) for item in ordered]
    shades = [tuple(colours[item.class_id].tolist()) for item in ordered]
    for box, colour in zip(boxes, shades, strict=True):
        cv2.rectangle(drawn, (int(box[0]), int(box[1])), (int(box[2]), int(box[3])), colour)
    tags: list[Rectangle] = []
    for item, box, colour in zip(ordered, boxes, shades, strict=True):  # names last: no box crosses them
        _name(drawn, tags, box, colour, item.label)
    return page


def _scaled_box(box: Rectangle, scale: float) -> Rectangle:
    x0, y0, x1, y1 = (edge * scale for edge in box)
    return x0, y0, max(x1, x0), max(y1, y0)


def _scaled(rgb: RgbImage, scale: float) -> RgbImage:
    if scale == 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)


def _scaled_crop(
    mask: RgbImage, left: int, top: int, size: Sequence[int], shape: tuple[int, ...]
) -> tuple[RgbImage, int, int]:
    """The part of a mask in an image scaled from `size` to `shape`, by the nearest pixel."""
    if tuple(size) == shape[:2]:
        return mask, left, top
    rows, columns = _nearest(top, mask.shape[0], size[0], shape[0]), _nearest(left, mask.shape[1], size[1], shape[1])
    first_row, first_column = (int(kept[0]) if kept.size else 0 for kept in (rows[1], columns[1]))
    return mask[np.ix_(rows[0], columns[0])], first_column, first_row


def _nearest(first: int, count: int, size: int, scaled: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of `count` pixels from `first` on along an axis: which are taken for which of the scaled axis' pixels."""
    source = (np.arange(scaled) * (size / scaled)).astype(np.intp)
    kept = np.flatnonzero((source >= first) & (source < first + count))
    return source[kept] - first, kept


def tint(part: RgbImage, inside: RgbImage, colour: RgbImage, alpha: float) -> None:
    """Colours a mask's pixels, and its rim in full."""
    if not inside.size:
        return
    plain = _plain(part.shape[0], part.shape[1], colour)
    cv2.copyTo(cv2.addWeighted(part, 1 - alpha, plain, alpha, 0), inside, part)
    core = cv2.erode(inside, _AROUND, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    cv2.copyTo(plain, cv2.subtract(inside, core), part)


def _plain(height: int, width: int, colour: RgbImage) -> RgbImage:
    """An area of one colour."""
    if max(height, width) > _SMALL_PX:
        # NumPy fills three values at a time, which takes longer than all else that is drawn of a large object
        pixel, replicate = colour.reshape(1, 1, 3), cv2.BORDER_REPLICATE
        return np.asarray(cv2.copyMakeBorder(pixel, 0, height - 1, 0, width - 1, replicate), np.uint8)
    return _small_area(*colour.tolist())[:height, :width]


@lru_cache(maxsize=128)
def _small_area(red: int, green: int, blue: int) -> RgbImage:
    """Kept, because to fill it takes a third of the time in which a small object is drawn."""
    area = np.full((_SMALL_PX, _SMALL_PX, 3), (red, green, blue), np.uint8)
    area.flags.writeable = False
    return area


def _name(rgb: RgbImage, tags: list[Rectangle], box: Rectangle, colour: tuple[int, ...], label: str) -> None:
    """Writes the name of a box where it hides no name in `tags`; where none of its places is free it has no name."""
    if len(tags) == MOST_NAMED:
        return
    height = min(20, max(10, max(rgb.shape[:2]) // 48))
    _, text, width = _measured(label, height)
    if not text or width > _WIDEST_TAG * (box[2] - box[0]):
        return
    tag = _free_place(box, (width, height + 4), rgb.shape, tags)
    if tag is None:
        return
    tags.append(tag)
    left, top, right, bottom = (int(edge) for edge in tag)
    part = rgb[top : bottom + 1, left : right + 1]
    written = _written(label, height, (right - left + 1, bottom - top + 1), colour)
    part[:] = written[: part.shape[0], : part.shape[1]]


@lru_cache(maxsize=256)
def _written(label: str, height: int, size: tuple[int, int], colour: tuple[int, ...]) -> RgbImage:
    """A name on its colour, read-only; a small image, as Pillow copies all pixels of what it draws on."""
    font, text, _ = _measured(label, height)
    ink = (0, 0, 0) if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 140 else (255, 255, 255)
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).text((2, image.height // 2), text, fill=ink, font=font, anchor="lm")
    written = np.asarray(image)
    written.flags.writeable = False
    return written


@lru_cache(maxsize=4096)
def _measured(label: str, height: int) -> tuple[ImageFont.FreeTypeFont, str, float]:
    """The font of a name, its text and the width of its tag: a class and a score with two digits come again often."""
    font, text = font_for(label, height)
    return font, text, font.getlength(text) + 4


def _free_place(
    box: Rectangle, tag: tuple[float, float], shape: tuple[int, ...], tags: Sequence[Rectangle]
) -> Rectangle | None:
    """Above the box, below it or in one of its corners: the first place inside the image that no tag touches."""
    width, height = tag
    down, across = shape[:2]
    left, top, right, bottom = box
    tops = [edge for edge in (top - height, bottom, top, bottom - height) if 0 <= edge <= down - height]
    lefts = [min(max(edge, 0), max(0, across - width)) for edge in (left, right - width)]
    places = [(x, y, x + width, y + height) for y in tops or [max(top, 0)] for x in lefts]
    return next((place for place in places if not any(_touch(place, other) for other in tags)), None)


def _touch(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
