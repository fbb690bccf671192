"""Objects from the maps of a network that labels pixels: connected components of each class, separated by their cores.

A component with one core or none is one object, so that nothing is lost compared with plain connected components. In a
component with several cores each pixel climbs the map of depths to a local maximum, and belongs to the core in which it
arrives: a watershed. Holes are filled, as in hand-drawn contours. All steps run at the resolution of the maps, and the
steps of a single object on the part of the maps where it lies: an untrained network finds thousands of objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.inference.paste import LogitCrop

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]

CORE = 0.5
"""Depth above which a pixel belongs to a core."""
SMOOTHING_PX = 1.0
"""Standard deviation of the Gaussian that smooths depths."""
SMALLEST_PX = 9
"""Smallest area of an object in pixels of the map."""
_TINY = 1e-6


@dataclass(frozen=True)
class GrownObject:
    """One object.

    Attributes:
        label: Its class.
        score: Mean lead of its class's probability over that of the likeliest other class or the background, 0 to 1.
        crop: Where it lies; its logits are positive inside the object.
    """

    label: int
    score: float
    crop: LogitCrop


def grown_objects(inside: NDArray[Any], core: NDArray[Any]) -> Iterator[GrownObject]:
    """The objects of one image, class by class.

    Args:
        inside: Logits of each class [C, h, w].
        core: Logits of the depth inside the object [1, h, w].
    """
    from scipy import ndimage  # slow to import, and only these objects need it

    depth = _probability(np.asarray(core[0], np.float32))
    likely = _probability(np.asarray(inside, np.float32))
    first, second = _two_likeliest(likely)
    labelled = (likely == first).any(axis=0)
    for label, own in enumerate(likely):
        rival = np.where(own == first, second, first)
        foreground = own > rival
        if not foreground.any():
            continue
        parts, count = split_parts(foreground, _smoothed(depth, foreground | ~labelled))
        area = np.bincount(parts.ravel(), minlength=count + 1)
        sure = np.bincount(parts.ravel(), (own - rival).ravel(), minlength=count + 1) / np.maximum(area, 1)
        away = np.abs(np.log(np.maximum(own, _TINY)) - np.log(np.maximum(rival, _TINY)))
        for number, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
            if area[number] >= SMALLEST_PX:
                where = _widened(rows), _widened(columns)
                filled = ndimage.binary_fill_holes(parts[where] == number)
                crop = LogitCrop(where[0].start, where[1].start, np.where(filled, away[where], -away[where]))
                yield GrownObject(label, float(sure[number]), crop)


def _widened(cells: slice) -> slice:
    """One cell more on each side where the map has one."""
    return slice(max(cells.start - 1, 0), cells.stop + 1)


def _two_likeliest(likely: Floats) -> tuple[Floats, Floats]:
    """Probability [h, w] of the likeliest and of the second likeliest class; the background counts as a class.

    The background has the remaining probability: with ten classes, the likeliest one can have less than one half.
    """
    first = np.maximum(1 - likely.sum(axis=0), 0)
    second = np.zeros_like(first)
    for own in likely:
        second = np.maximum(second, np.minimum(first, own))
        first = np.maximum(first, own)
    return first, second


def split_parts(foreground: NDArray[np.bool_], depth: Floats) -> tuple[Labels, int]:
    """The objects of a class, numbered from 1 [h, w], and their count.

    Args:
        foreground: Pixels of the class [h, w].
        depth: Depth of each pixel inside its object, 0 to 1, [h, w].
    """
    count, parts = cv2.connectedComponents(foreground.astype(np.uint8), connectivity=8)
    _, seeds = cv2.connectedComponents((foreground & (depth > CORE)).astype(np.uint8), connectivity=8)
    _, first = np.unique(seeds, return_index=True)
    owners = parts.ravel()[first[seeds.ravel()[first] > 0]]
    several = (np.bincount(owners, minlength=count) > 1)[parts] & foreground
    if not several.any():
        return parts, count - 1
    grown = seeds.ravel()[_summits(np.where(several, depth, -1))].reshape(parts.shape)
    # pixels whose climb ends outside every core belong to the nearest core
    apart = np.where(several, _nearest(np.where(several, grown, 0)) + count, parts)
    numbers = np.unique(apart[apart > 0])
    return np.where(apart > 0, np.searchsorted(numbers, apart) + 1, 0).astype(np.int32), len(numbers)


def _smoothed(depth: Floats, where: NDArray[np.bool_]) -> Floats:
    """Depths smoothed over the pixels of `where` only: beyond the contour may lie the core of another class."""
    if where.all():
        return np.asarray(cv2.GaussianBlur(depth, (0, 0), SMOOTHING_PX), np.float32)
    counted = where.astype(np.float32)
    total, weight = (cv2.GaussianBlur(values, (0, 0), SMOOTHING_PX) for values in (depth * counted, counted))
    return np.asarray(np.where(where, total / np.maximum(weight, 1e-6), 0), np.float32)


def _summits(height: NDArray[Any]) -> NDArray[np.int64]:
    """The flat index of the local maximum that each pixel reaches by always moving to its highest neighbour."""
    rows, columns = height.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    around, beside = np.pad(height, 1, constant_values=-2), np.pad(number, 1)
    best, target = height.copy(), number.copy()
    for y in range(3):
        for x in range(3):
            neighbour = around[y : y + rows, x : x + columns]
            higher = neighbour > best
            best = np.where(higher, neighbour, best)
            target = np.where(higher, beside[y : y + rows, x : x + columns], target)
    arrived = target.ravel()
    while True:
        further = arrived[arrived]
        if np.array_equal(further, arrived):
            return arrived
        arrived = further


def _nearest(labels: NDArray[Any]) -> NDArray[np.int32]:
    """The nearest label of each pixel; at least one pixel must be labelled."""
    _, regions = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = np.zeros(int(regions.max()) + 1, np.int32)
    marked = labels > 0
    known[regions[marked]] = labels[marked]
    return known[regions]


def _probability(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), np.float32)
