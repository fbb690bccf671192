"""One colour per class, the same in every image that segcli draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IGNORE_COLOUR = (224, 224, 192)
"""Colour of the pixels that count for nothing, as in PASCAL VOC."""

# The first colours are chosen by hand to be told apart on photographs and by most colour-blind readers
# (after Okabe and Ito, "Color Universal Design", 2008); further ones are the PASCAL VOC bit pattern, brightened.
_FIRST = (
    (0, 0, 0),
    (230, 75, 53),
    (0, 114, 206),
    (0, 158, 96),
    (240, 190, 20),
    (170, 80, 200),
    (86, 200, 233),
    (245, 130, 190),
    (150, 100, 50),
    (150, 210, 60),
    (255, 145, 30),
    (20, 60, 130),
    (0, 130, 130),
    (128, 0, 40),
    (160, 160, 160),
)


def palette(count: int) -> NDArray[np.uint8]:
    """Distinct colours for `count` classes; id 0 is black.

    Returns:
        RGB, uint8 [count, 3].
    """
    colours = list(_FIRST[:count])
    seen = {*colours, IGNORE_COLOUR}
    code = 1
    while len(colours) < count:
        colour = _voc_colour(code)
        if colour not in seen:
            colours.append(colour)
            seen.add(colour)
        code += 1
    return np.array(colours, np.uint8).reshape(count, 3)


def object_palette(count: int) -> NDArray[np.uint8]:
    """Distinct colours for `count` classes of objects, where id 0 is no background: RGB, uint8 [count, 3], no black."""
    return palette(count + 1)[1:]


def png_palette(count: int) -> list[int]:
    """The 768 values of a palette PNG for `count` classes, 255 being the ignored pixels."""
    table = np.zeros((256, 3), np.uint8)
    table[:count] = palette(min(count, 256))
    if count < 256:
        table[255] = IGNORE_COLOUR
    return [int(value) for value in table.reshape(-1)]


def _voc_colour(code: int) -> tuple[int, int, int]:
    red, green, blue = (min(255, 24 + value) for value in _voc_bits(code))
    return red, green, blue


def voc_palette() -> NDArray[np.uint8]:
    """The colours of PASCAL VOC's own maps, 255 being the border that counts for nothing: RGB, uint8 [256, 3]."""
    return np.array([_voc_bits(code) for code in range(256)], np.uint8)


def _voc_bits(code: int) -> tuple[int, int, int]:
    """Spreads the bits of `code` over the high bits of red, green and blue (PASCAL VOC development kit)."""
    channels = [0, 0, 0]
    for bit in range(24):
        channels[bit % 3] |= (code >> bit & 1) << (7 - bit // 3)
    return channels[0], channels[1], channels[2]
