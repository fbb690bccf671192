"""Finds objects of one image that were outlined twice, exactly or nearly so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.instances import Polygons
from segcli.data.polygons import polygons_box
from segcli.data.rle import Rle

NEAR_PX = 1.0
NEAR_SHARE = 0.03
"""How far the sides of two boxes may be apart: in pixels, or as a share of the box, whichever is more."""
NEAR_IOU = 0.8
"""Least overlap of the masks; outlines of few pixels that are 0.3 px apart reach 0.82."""
SAME_PX = 0.05
_MOST_BESIDE = 1000
"""Boxes that a box is compared with, of those that begin in nearly the same column; no sound image has as many."""
_MOST_NEAR = 8
"""Near ones of them whose pixels are compared. Of many equal outlines each is still found, by the one before it."""
_PORTION = 1 << 20
"""Pairs of boxes that are looked at together."""

Outline = Polygons | Rle
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Repeated:
    """An outline that repeats an earlier one.

    Attributes:
        index: Its index.
        original: Index of the first outline that it repeats.
        iou: Overlap of both masks, 0.8 to 1; 1 for the same corners or pixels.
    """

    index: int
    original: int
    iou: float


def boxes_of(outlines: Sequence[Outline]) -> NDArray[np.float64]:
    """The smallest box around each outline: left, top, width, height in pixels, float64 [n, 4]."""
    boxes = [polygons_box(one) if isinstance(one, tuple) else rle.bounding_box(one) for one in outlines]
    return np.array(boxes, np.float64).reshape(-1, 4)


def repeated_outlines(
    outlines: Sequence[Outline], height: int, width: int, boxes: NDArray[np.float64] | None = None
) -> list[Repeated]:
    """Outlines that repeat an earlier one of the same image, in order.

    Only outlines with nearly the same box are compared by their pixels, which is seldom any.

    Args:
        outlines: Polygons or run-length codes of one image.
        height: Of the image in pixels.
        width: Of the image in pixels.
        boxes: What `boxes_of` returns for them, if known.
    """
    if len(outlines) < 2:
        return []
    found: dict[int, Repeated] = {}
    for first, second in _near_boxes(boxes_of(outlines) if boxes is None else boxes).tolist():
        original = found[first].original if first in found else first
        if second not in found:
            overlap = _overlap(outlines[original], outlines[second], height, width)
            if overlap >= NEAR_IOU:
                found[second] = Repeated(second, original, overlap)
    return [found[index] for index in sorted(found)]


def images_with_near_boxes(boxes: NDArray[np.float64], image: Indices) -> set[int]:
    """The images in which two boxes are near each other, so that `repeated_outlines` may find something.

    Args:
        boxes: Left, top, width, height in pixels, float64 [n, 4], of many images at once.
        image: Index of the image of each box, [n].
    """
    return set(image[_near_boxes(boxes, image)[:, 0]].tolist())


def _near_boxes(boxes: NDArray[np.float64], image: Indices | None = None) -> Indices:
    """Pairs of indices [n, 2] of boxes whose sides are near each other, the smaller index first, sorted.

    Only boxes of the same image make a pair, where `image` tells the image of each.
    """
    edges = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    slack = np.maximum(NEAR_PX, NEAR_SHARE * boxes[:, 2:].min(axis=1))
    owner = np.zeros(len(boxes), np.intp) if image is None else image
    order = np.lexsort((edges[:, 0], owner))
    # set one image beside the other; what rounding lets in here is compared exactly below
    left = edges[order, 0] + owner[order] * (np.ptp(edges) + slack.max() + 1 if len(edges) else 0)
    reach = left + slack[order]
    reach += 8 * np.spacing(np.abs(reach))
    counts = np.searchsorted(left, reach, side="right") - np.arange(len(left)) - 1
    counts = np.minimum(counts, _MOST_BESIDE)
    found = [np.zeros((0, 2), np.intp)]
    for begin, end in _portions(counts):
        one, other = _each_with_following(begin, counts[begin:end])
        first, second = order[one], order[other]
        apart = np.abs(edges[first] - edges[second]).max(axis=1, initial=0)
        near = ((apart <= slack[first]) & (owner[first] == owner[second])).nonzero()[0]
        rank = np.arange(len(near)) - np.searchsorted(one[near], one[near])
        near = near[rank < _MOST_NEAR]
        found.append(np.sort(np.stack([first[near], second[near]], axis=1), axis=1))
    pairs = np.concatenate(found)
    return np.asarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], np.intp)


def _portions(counts: Indices) -> Iterator[tuple[int, int]]:
    """Ranges of boxes that have about `_PORTION` pairs together."""
    total = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = int(total[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(total, before + _PORTION, side="right")), begin + 1)
        yield begin, end
        begin = end


def _each_with_following(begin: int, counts: Indices) -> tuple[Indices, Indices]:
    """Pairs of each of some positions with so many that follow it, as two arrays [n]."""
    one = np.repeat(np.arange(begin, begin + len(counts)), counts)
    return one, one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)


def _overlap(one: Outline, other: Outline, height: int, width: int) -> float:
    if _same_corners(one, other):
        return 1.0
    codes = [code if isinstance(code, dict) else rle.from_polygons(code, height, width) for code in (one, other)]
    return float(rle.overlaps(codes[:1], codes[1:], [False])[0, 0])


def _same_corners(one: Outline, other: Outline) -> bool:
    """Whether two outlines have the same coordinates, from whichever corner they begin."""
    if one == other or isinstance(one, dict) or isinstance(other, dict):
        return one == other
    corners = [np.sort(np.array([value for ring in rings for value in ring])) for rings in (one, other)]
    return corners[0].shape == corners[1].shape and bool((np.abs(corners[0] - corners[1]) <= SAME_PX).all())
