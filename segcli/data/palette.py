"""One colour per class, the same in every image that segcli draws."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IGNORE_COLOUR = (224, 224, 192)
"""Colour of the pixels that count for nothing, as in PASCAL VOC."""

# The first colours are chosen by hand to be told apart on photographs and by most colour-blind readers
# (after Okabe and Ito, "Color Universal Design", 2008); each further one is as far as can be from all before it.
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
"""Those after them are in palette.txt: each is that of a grid which is farthest from all before it in CIELAB."""


def palette(count: int) -> NDArray[np.uint8]:
    """Distinct colours for `count` classes; id 0 is black.

    Args:
        count: How many; beyond 512 colours come again.

    Returns:
        RGB, uint8 [count, 3].
    """
    first = np.array(_FIRST[:count], np.uint8).reshape(-1, 3)
    if count <= len(_FIRST):
        return first
    further = _further()
    return np.concatenate([first, further[np.arange(count - len(_FIRST)) % len(further)]])


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


@lru_cache(maxsize=1)
def _further() -> NDArray[np.uint8]:
    """Colours after the first ones; to choose them takes 0.2 s, so they are kept in a file."""
    codes = Path(__file__).with_name("palette.txt").read_text(encoding="ascii")
    return np.frombuffer(bytes.fromhex(codes), np.uint8).reshape(-1, 3)


def voc_palette() -> NDArray[np.uint8]:
    """The colours of PASCAL VOC's own maps, 255 being the border that counts for nothing: RGB, uint8 [256, 3]."""
    return np.array([_voc_bits(code) for code in range(256)], np.uint8)


def _voc_bits(code: int) -> tuple[int, int, int]:
    """Spreads the bits of `code` over the high bits of red, green and blue (PASCAL VOC development kit)."""
    channels = [0, 0, 0]
    for bit in range(24):
        channels[bit % 3] |= (code >> bit & 1) << (7 - bit // 3)
    return channels[0], channels[1], channels[2]
