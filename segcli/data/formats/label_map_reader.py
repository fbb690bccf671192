"""Converts label maps to objects: the connected regions of each class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.classes import IGNORE_NAME
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.id_counts import count_ids
from segcli.data.rle import Crop

EIGHT_NEIGHBOURS = 8
NOWHERE = 256
"""An id that no pixel has: for label maps without ignored pixels."""


def regions_of(labels: NDArray[np.uint8], names: Mapping[int, str], ignore_index: int) -> list[AnnotatedObject]:
    """Returns each connected region of each class, and all ignored pixels as one region.

    Pixels that touch at a corner are connected.

    Args:
        labels: Label map, uint8 [H, W].
        names: Class name per value; other values are background.
        ignore_index: Value of ignored pixels.
    """
    found = []
    for value in np.flatnonzero(count_ids(labels)).tolist():
        if value == ignore_index:
            found.append(_region(IGNORE_NAME, (labels == value, 0, 0), labels.shape, f"pixels of {value}"))
        elif value in names:
            for number, crop in enumerate(_connected(labels == value), start=1):
                found.append(_region(names[value], crop, labels.shape, f"region {number} of id {value}"))
    return found


def _connected(inside: NDArray[np.bool_]) -> Iterator[Crop]:
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=EIGHT_NEIGHBOURS)
    for number in range(1, count):
        left, top, width, height = (int(side) for side in boxes[number][:4])
        crop = numbers[top : top + height, left : left + width] == number
        yield crop.view(np.uint8), left, top


def _region(label: str, crop: Crop | tuple[Any, int, int], shape: tuple[int, ...], place: str) -> AnnotatedObject:
    pixels, left, top = crop
    return AnnotatedObject(label, rle.encode_crop(pixels, left, top, shape[0], shape[1]), place)
