"""JPEG files: decoded as OpenCV does, value for value, but what libjpeg has to say becomes a text and not a line.

libjpeg, called by OpenCV, writes its warnings to the terminal, without the file's name and from any thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

_HARMLESS = (
    "Invalid SOS parameters",
    "Unknown Adobe color transform",
    "Warning: unknown JFIF revision",
    "Inconsistent progression sequence",
)
_FEW_EXTRA_BYTES = ("1 extraneous", "2 extraneous")
"""Some cameras fill up the end of the data."""


def decode_jpeg(data: bytes) -> tuple[NDArray[np.uint8], str | None]:
    """RGB [H, W, 3] (grey is repeated) as far as the data can be decoded, and what is wrong with them, if anything.

    Raises:
        ValueError: Nothing can be decoded, or the colours are those of print (CMYK).
    """
    pixels, damage = _decode(data)
    return np.asarray(pixels, np.uint8), damage


def jpeg_damage(data: bytes) -> str | None:
    """What is wrong with the data; None when every block is as it was written.

    Raises:
        ValueError: As above.
    """
    return decode_small_jpeg(data, 1)[1]


def decode_small_jpeg(data: bytes, least_px: int) -> tuple[NDArray[np.uint8], str | None]:
    """RGB and what is wrong with the data, as above, at half, a quarter or an eighth of the size.

    Every coefficient is read, but only a part of each side computed, which halves the time.

    Args:
        data: Content of the file.
        least_px: Neither side becomes shorter, where it was not.

    Raises:
        ValueError: As above.
    """
    pixels, damage = _decode(data, min_height=least_px, min_width=least_px)
    return np.asarray(pixels, np.uint8), damage


def _decode(data: bytes, **size: int) -> tuple[Any, str | None]:
    if simplejpeg.decode_jpeg_header(data)[2] == "CMYK":
        raise ValueError("the colours are CMYK")
    try:
        return simplejpeg.decode_jpeg(data, "RGB", strict=True, **size), None
    except ValueError as error:
        text = str(error)
        pixels = simplejpeg.decode_jpeg(data, "RGB", strict=False, **size)
    few = "0xd9" in text and any(f" {count} " in text for count in _FEW_EXTRA_BYTES)
    return pixels, None if few or text.startswith(_HARMLESS) else text
