"""The range of a dataset's images, found from their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.image_range import COLOURS, ImageRange, RangeSetting, parse_range, range_of_values
from segcli.data.decoding.used_range import set_image_range
from segcli.data.fingerprint.images import evenly
from segcli.data.image import StrPath, image_header, read_values
from segcli.errors import InputError

AUTO: RangeSetting = "auto"
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


def _extremes(images: Iterable[StrPath]) -> Iterable[tuple[float, float, bool]]:
    for path in images:
        try:
            if image_header(path).is_deep:
                values = read_values(path)
                yield (*extremes_of(values)[:2], values.dtype.kind == "f")
        except InputError:
            continue  # said where it is used
