"""The range of a dataset's images, found from their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.headers import ImageHeader
from segcli.data.decoding.image_range import COLOURS, ImageRange, RangeSetting, parse_range, range_of_values
from segcli.data.decoding.used_range import set_image_range
from segcli.data.fingerprint.images import evenly
from segcli.data.image import StrPath, image_header, read_values
from segcli.errors import InputError

AUTO: RangeSetting = "auto"
_SHORT = 16
"""Bits of the type that most deep images have."""
_MOST_IMAGES = 64
"""Deep images whose values are looked at; sensors have few depths, so that more would say the same."""


def use_range(setting: RangeSetting, images: Sequence[StrPath], channels: int = COLOURS) -> ImageRange:
    """Reads images by a setting from now on; ``auto`` is found from the images of the training split.

    Args:
        setting: As the configuration gives it.
        images: Of the training split.
        channels: Of the network's input.
    """
    set_image_range(ImageRange(channels=channels))
    found = range_of_images(images) if setting == AUTO else parse_range(setting)
    chosen = replace(found, channels=channels)
    set_image_range(chosen)
    return chosen


def range_of_images(images: Sequence[StrPath]) -> ImageRange:
    """The range that the deep ones of some images were meant to have; all bits where none is deep."""
    found = list(_extremes(evenly(list(images), _MOST_IMAGES)))
    if not found:
        return ImageRange()
    lows, highs, real = zip(*found, strict=True)
    return range_of_values(min(lows), max(highs), real=any(real))


def extremes_of(values: NDArray[np.generic]) -> tuple[float, float, float]:
    """Least and greatest value, 0 where none is a number, and the share of NaN and infinite values, 0 to 1."""
    if values.dtype.kind != "f":
        return float(values.min()), float(values.max()), 0.0
    finite = values[np.isfinite(values)]
    undefined = 1 - finite.size / max(values.size, 1)
    return (float(finite.min()), float(finite.max()), undefined) if finite.size else (0.0, 0.0, undefined)


def _extremes(images: Iterable[StrPath]) -> Iterator[tuple[float, float, bool]]:
    """Least and greatest value of each deep image, and whether they are real numbers; as far as they can matter."""
    deep = dict(_deep_ones(images))
    are_short = all(header.bits == _SHORT and header.sample_format == "uint" for header in deep.values())
    for path in deep:
        try:
            values = read_values(path)
        except InputError:
            continue  # said where it is used
        lowest, highest, _ = extremes_of(values)
        yield lowest, highest, values.dtype.kind == "f"
        if are_short and range_of_values(lowest, highest, real=False) == ImageRange():
            return  # it is all that the type can hold, whatever is in the others


def _deep_ones(images: Iterable[StrPath]) -> Iterator[tuple[StrPath, ImageHeader]]:
    for path in images:
        try:
            header = image_header(path)
        except InputError:
            continue
        if header.is_deep:
            yield path, header
