"""Which detection finds which object: COCO's matching for all images, classes, thresholds and sizes at once.

cocodataset/cocoapi, `COCOeval.evaluateImg`: of each image and class, detections in the order of their scores take the
object of the largest IoU that is still free; an object outside the size range, or a crowd, is taken only where no other
is free, and neither counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.object_pairs import Bools, Floats, Ints, Pairs


@dataclass(frozen=True)
class Matches:
    """The matching of each detection and object; columns are size ranges, then thresholds [A, T].

    Attributes:
        order: Detections by class, then by falling score; of equal ones, the earlier image first [D].
        rank: Place of each detection among those of its image and class, from 0 [D].
        object_of: The object that a detection took, -1 for none [D, A, T].
        ignored: Whether a detection counts for nothing [D, A, T].
        truth_ignored: Whether an object counts for nothing [G, A].
    """

    order: Ints
    rank: Ints
    object_of: NDArray[np.int64]
    ignored: Bools
    truth_ignored: Bools

    @property
    def hits(self) -> Bools:
        """Whether a detection found an object that counts [D, A, T]."""
        return (self.object_of >= 0) & ~self.ignored


@dataclass(frozen=True)
class Limits:
    """What counts in a matching; the defaults are COCO's.

    Attributes:
        max_detections: Detections per image and class that count, the best ones.
        sizes_px: Borders between small, medium and large objects: sides of squares.
        thresholds: Least IoU of a hit.
    """

    max_detections: int = 100
    sizes_px: tuple[float, float] = (32.0, 96.0)
    thresholds: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())

    @property
    def ranges(self) -> Floats:
        """Least and greatest area [4, 2]: of all sizes, of small, medium and large objects."""
        small, large = (side**2 for side in self.sizes_px)
        return np.array([(0.0, 1e10), (0.0, small), (small, large), (large, 1e10)])


def match(pairs: Pairs, limits: Limits) -> Matches:
    """Matches the detections of all images to objects of their class."""
    ranges, thresholds = limits.ranges, np.array(limits.thresholds)
    order, rank = _ranked(pairs)
    truth_ignored = _outside(pairs.truth_area, ranges) | pairs.truth_crowd[:, None]
    object_of = np.full((len(rank), len(ranges), len(thresholds)), -1)
    taking = _Taking(object_of, truth_ignored, pairs.truth_crowd, np.minimum(thresholds, 1 - 1e-10))
    for wave in _waves(pairs, rank, taking.least.min(initial=1.0), limits.max_detections):
        for of_ignored in (False, True):
            for candidates in wave:
                taking.take(*candidates, of_ignored=of_ignored)
    matched = object_of >= 0
    ignored = matched.copy()
    if len(truth_ignored):
        ignored &= truth_ignored[np.maximum(object_of, 0), np.arange(len(ranges))[None, :, None]]
    ignored |= ~matched & _outside(pairs.found_area, ranges)[:, :, None]
    return Matches(order, rank, object_of, ignored, truth_ignored)


def _outside(areas: Floats, ranges: Floats) -> Bools:
    """Whether each area is outside each range [N, A]."""
    return (areas[:, None] < ranges[:, 0]) | (areas[:, None] > ranges[:, 1])


def _ranked(pairs: Pairs) -> tuple[Ints, Ints]:
    """Detections by class and falling score, and the place of each among those of its image and class."""
    order = np.lexsort((pairs.found_image, -pairs.found_score, pairs.found_class))
    grouped = np.lexsort((-pairs.found_score, pairs.found_class, pairs.found_image))
    keys = np.stack([pairs.found_image[grouped], pairs.found_class[grouped]])
    begins = np.ones(len(grouped), np.bool_)
    begins[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    rank = np.empty(len(grouped), np.int64)
    rank[grouped] = _since(begins)
    return order, rank


def _since(begins: Bools) -> Ints:
    """How many places each element lies behind the last begin."""
    places = np.arange(len(begins))
    last: Ints = np.maximum.accumulate(np.where(begins, places, 0))
    return places - last


@dataclass(frozen=True)
class _Taking:
    """The state of a matching: who has taken what, by size range and threshold."""

    object_of: NDArray[np.int64]
    truth_ignored: Bools
    truth_crowd: Bools
    least: Floats

    @cached_property
    def taken(self) -> Bools:
        """Whether each object is taken [G, A, T]."""
        return np.zeros((len(self.truth_crowd), *self.object_of.shape[1:]), np.bool_)

    def take(self, found: Ints, truth: Ints, iou: Floats, *, of_ignored: bool) -> None:
        """Detections of different images or classes take a candidate each, where it is free and they have none."""
        wanted = iou[:, None, None] >= self.least
        wanted = wanted & (self.truth_ignored[truth] == of_ignored)[:, :, None]
        wanted &= ~self.taken[truth] | self.truth_crowd[truth][:, None, None]
        had = self.object_of[found]
        wanted &= had < 0
        self.object_of[found] = np.where(wanted, truth[:, None, None], had)
        self.taken[truth] |= wanted


_Candidates = tuple[Ints, Ints, Floats]
"""Detections, an object for each, and their IoU."""


def _waves(pairs: Pairs, rank: Ints, least: float, most: int) -> Iterator[list[_Candidates]]:
    """Detections whose turn has come, at most one of each image and class: their candidates, the best first."""
    found, truth, iou = pairs.pair_found, pairs.pair_truth, pairs.pair_iou
    kept = (iou >= least) & (pairs.found_class[found] == pairs.truth_class[truth])
    kept &= rank[found] < most
    found, truth, iou = found[kept], truth[kept], iou[kept]
    # of equal IoU the later object, as in COCO's loop
    image, class_id = pairs.found_image[found], pairs.found_class[found]
    order = np.lexsort((-truth, -iou, rank[found], class_id, image))
    found, truth, iou, image, class_id = (column[order] for column in (found, truth, iou, image, class_id))
    first = np.ones(len(found), np.bool_)
    first[1:] = found[1:] != found[:-1]
    of_group = np.ones(len(found), np.bool_)
    of_group[1:] = (image[1:] != image[:-1]) | (class_id[1:] != class_id[:-1])
    candidate = _since(first)
    number = np.cumsum(first)
    turn = number - np.maximum.accumulate(np.where(of_group, number, 0))
    order = np.lexsort((candidate, turn))
    found, truth, iou, candidate, turn = (column[order] for column in (found, truth, iou, candidate, turn))
    borders = np.flatnonzero((np.diff(turn) != 0) | (np.diff(candidate) != 0)) + 1
    wave: list[_Candidates] = []
    for begin, end in zip([0, *borders], [*borders, len(turn)], strict=True):
        if begin < end and candidate[begin] == 0 and wave:
            yield wave
            wave = []
        wave.append((found[begin:end], truth[begin:end], iou[begin:end]))
    yield wave
