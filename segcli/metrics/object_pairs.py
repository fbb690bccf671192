"""The stored data of objects and detections of all images: classes, scores, areas, and the IoU of overlapping pairs.

All metrics of instance segmentation are computed from it: average precision, kinds of errors, curves, confusion,
intervals. No masks are kept; an image takes a few dozen bytes per detection and per overlapping pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_pairs import (
    AREA,
    BOX,
    CLASS,
    COLUMNS,
    CROWD,
    LEAST_IOU,
    SCORE,
    Bools,
    Floats,
    ImagePairs,
    Ints,
)

_PAIRS_AT_ONCE = 1 << 14
"""Boxes compared at once: so many numbers fit into the processor's cache."""


@dataclass(frozen=True)
class Pairs:
    """Objects and detections, of one image or of many, and which of them overlap.

    Attributes:
        truth_image: Image index of each object [G].
        truth_class: Class id of each object [G].
        truth_area: Area in pixels from the annotation [G].
        truth_crowd: Whether it is a crowd (`iscrowd`) [G].
        found_image: Image index of each detection [D].
        found_class: Class id of each detection [D].
        found_score: Score of each detection [D].
        found_area: Area in pixels of each detection [D].
        pair_found: Detection of each pair [P].
        pair_truth: Object of each pair [P].
        pair_iou: IoU of each pair, at least `LEAST_IOU`; for a crowd the share of the detection that it covers [P].
    """

    truth_image: Ints
    truth_class: Ints
    truth_area: Floats
    truth_crowd: Bools
    found_image: Ints
    found_class: Ints
    found_score: Floats
    found_area: Floats
    pair_found: Ints
    pair_truth: Ints
    pair_iou: Floats


def pairs_of_masks(images: Sequence[ImagePairs]) -> Pairs:
    """The masks of all images; their order gives the image indices."""
    objects, found = _stacked(one.objects for one in images), _stacked(one.found for one in images)
    truths, founds = _counts(one.objects for one in images), _counts(one.found for one in images)
    overlapping = _counts(one.place for one in images)
    place = np.concatenate([np.zeros(0, np.int64), *(one.place for one in images)])
    per_image = np.repeat(truths, overlapping)
    numbers = np.arange(len(images))
    return Pairs(
        truth_image=np.repeat(numbers, truths),
        truth_class=objects[:, CLASS].astype(np.int64),
        truth_area=objects[:, AREA].copy(),
        truth_crowd=objects[:, CROWD] > 0,
        found_image=np.repeat(numbers, founds),
        found_class=found[:, CLASS].astype(np.int64),
        found_score=found[:, SCORE].copy(),
        found_area=found[:, AREA].copy(),
        pair_found=place // per_image + np.repeat(_starts(founds), overlapping),
        pair_truth=place % per_image + np.repeat(_starts(truths), overlapping),
        pair_iou=np.concatenate([np.zeros(0), *(one.iou for one in images)]),
    )


def pairs_of_boundaries(images: Sequence[ImagePairs], masks: Pairs) -> Pairs:
    """The boundaries of all images, which were measured.

    Args:
        images: The images.
        masks: The pairs of their masks.
    """
    iou = np.concatenate([np.zeros(0), *(one.boundary_iou for one in images if one.boundary_iou is not None)])
    kept = iou >= LEAST_IOU
    return replace(masks, pair_found=masks.pair_found[kept], pair_truth=masks.pair_truth[kept], pair_iou=iou[kept])


def pairs_of_boxes(images: Sequence[ImagePairs], masks: Pairs) -> Pairs:
    """The boxes of all images, with their IoU and areas.

    Args:
        images: The images.
        masks: The pairs of their masks.
    """
    truth, found = _stacked(one.objects for one in images)[:, BOX], _stacked(one.found for one in images)[:, BOX]
    truths = _counts(one.objects for one in images)
    parts = list(_overlapping(truth, found, masks, truths[masks.found_image], _starts(truths)[masks.found_image]))
    pair_found, pair_truth = (
        np.concatenate([np.zeros(0, np.int64), *(part[column] for part in parts)]) for column in (0, 1)
    )
    iou = np.concatenate([np.zeros(0), *(part[2] for part in parts)])
    area = found[:, 2] * found[:, 3]
    return replace(masks, found_area=area, pair_found=pair_found, pair_truth=pair_truth, pair_iou=iou)


def _overlapping(
    truth: Floats, found: Floats, pairs: Pairs, objects: Ints, first: Ints
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Detection, object and IoU of boxes that overlap, a block of detections at a time.

    Args:
        truth: Boxes of the objects [G, 4].
        found: Boxes of the detections [D, 4].
        pairs: Whether an object is a crowd.
        objects: Number of objects in the image of each detection [D].
        first: The first of them [D].
    """
    ends = np.cumsum(objects)
    borders = np.searchsorted(ends, np.arange(_PAIRS_AT_ONCE, ends.max(initial=0), _PAIRS_AT_ONCE))
    (lows, highs), (found_lows, found_highs) = _sides(truth), _sides(found)
    areas, found_areas = truth[:, 2] * truth[:, 3], found[:, 2] * found[:, 3]
    for begin, end in zip([0, *borders], [*borders, len(found)], strict=True):
        counts = objects[begin:end]
        one = np.repeat(np.arange(begin, end), counts)
        other = np.arange(len(one)) + np.repeat(first[begin:end] - _starts(counts), counts)
        inside: Floats | float = 1.0
        for axis in (0, 1):
            shared = np.minimum(found_highs[axis][one], highs[axis][other])
            shared -= np.maximum(found_lows[axis][one], lows[axis][other])
            meet = np.flatnonzero(shared > 0)
            one, other = one[meet], other[meet]
            inside = (inside if axis == 0 else np.asarray(inside)[meet]) * shared[meet]
        whole = found_areas[one] + np.where(pairs.truth_crowd[other], 0.0, areas[other] - inside)
        iou = inside / whole
        kept = iou >= LEAST_IOU
        yield one[kept], other[kept], iou[kept]


def _sides(boxes: Floats) -> tuple[Floats, Floats]:
    """Left and top, right and bottom [2, N] each."""
    return np.ascontiguousarray(boxes[:, :2].T), np.ascontiguousarray((boxes[:, :2] + boxes[:, 2:]).T)


def _stacked(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.zeros((0, COLUMNS)), *parts])


def _counts(parts: Iterable[NDArray[np.generic]]) -> Ints:
    return np.array([len(part) for part in parts], np.int64)


def _starts(counts: Ints) -> Ints:
    """The place of the first element of each part, when all parts are concatenated."""
    starts: Ints = np.cumsum(counts) - counts
    return starts
