"""COCO's matching of detections to objects, for all images, classes, thresholds and sizes at once.

cocodataset/cocoapi, `COCOeval.evaluateImg`: per image and class, detections in the order of their scores are matched to
the unmatched object with the largest IoU. An object outside the size range, or a crowd, is matched only if no other is
left; then both the object and the detection are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_pairs import Bools, Floats, Ints
from segcli.metrics.object_pairs import Pairs


@dataclass(frozen=True)
class Matches:
    """The matching of each detection and object; columns are size ranges, then thresholds [A, T].

    Attributes:
        order: Detections by class, then by falling score; among ties, the earlier image first [D].
        rank: Rank of each detection within its image and class, from 0 [D].
        object_of: The object matched to a detection, -1 for none [D, A, T].
        ignored: Whether a detection is ignored [D, A, T].
        truth_ignored: Whether an object is ignored [G, A].
    """

    order: Ints
    rank: Ints
    object_of: NDArray[np.int32]
    ignored: Bools
    truth_ignored: Bools

    @cached_property
    def hits(self) -> Bools:
        """Whether a detection is matched to an object that counts [D, A, T]."""
        return _along_detections(self.object_of >= 0) & self.counts

    @cached_property
    def counts(self) -> Bools:
        """Whether a detection is not ignored [D, A, T]."""
        return _along_detections(~self.ignored)


@dataclass(frozen=True)
class Limits:
    """Limits of a matching; the defaults are COCO's.

    Attributes:
        max_detections: Most detections per image and class that count, by falling score.
        sizes_px: Borders between small, medium and large objects, as sides of squares in pixels.
        thresholds: Minimum IoU of a match.
    """

    max_detections: int = 100
    sizes_px: tuple[float, float] = (32.0, 96.0)
    thresholds: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())

    @property
    def ranges(self) -> Floats:
        """Smallest and largest area in pixels [4, 2]: all, small, medium and large objects."""
        small, large = (side**2 for side in self.sizes_px)
        return np.array([(0.0, 1e10), (0.0, small), (small, large), (large, 1e10)])


def match(pairs: Pairs, limits: Limits) -> Matches:
    """Matches the detections of all images to objects of their class."""
    ranges, thresholds = limits.ranges, np.array(limits.thresholds)
    order, rank = _ranked(pairs)
    truth_ignored = _outside(pairs.truth_area, ranges) | pairs.truth_crowd[:, None]
    object_of = np.full((len(rank), len(ranges), len(thresholds)), -1, np.int32)
    ignored = np.zeros(object_of.shape, np.bool_)
    taking = _Taking(object_of, ignored, truth_ignored, pairs.truth_crowd, np.minimum(thresholds, 1 - 1e-10))
    for wave in _waves(pairs, rank, taking.least.min(initial=1.0), limits.max_detections):
        for of_ignored in (False, True):
            for candidates in wave:
                taking.take(*candidates, of_ignored=of_ignored)
    ignored |= _outside(pairs.found_area, ranges)[:, :, None] & (object_of < 0)
    return Matches(order, rank, object_of, ignored, truth_ignored)


def _along_detections(values: Bools) -> Bools:
    """The same values [D, A, T], each size and threshold contiguous in memory: they are read along the detections."""
    return np.ascontiguousarray(values.transpose(1, 2, 0)).transpose(2, 0, 1)


def _outside(areas: Floats, ranges: Floats) -> Bools:
    """Whether each area is outside each range [N, A]."""
    return (areas[:, None] < ranges[:, 0]) | (areas[:, None] > ranges[:, 1])


def _ranked(pairs: Pairs) -> tuple[Ints, Ints]:
    """`Matches.order` and `Matches.rank`."""
    order = np.argsort(-pairs.found_score, kind="stable")  # the detections are in the order of the images
    order = order[_sorted(pairs.found_class[order])]
    grouped = order[_sorted(pairs.found_image[order])]
    begins = np.ones(len(grouped), np.bool_)
    image, class_id = pairs.found_image[grouped], pairs.found_class[grouped]
    begins[1:] = (image[1:] != image[:-1]) | (class_id[1:] != class_id[:-1])
    rank = np.empty(len(grouped), np.int64)
    rank[grouped] = _since(begins)
    return order, rank


def _sorted(numbers: Ints) -> Ints:
    """Where small non-negative integers stand when sorted, equal ones in their order; numpy counts 16-bit ones."""
    small = numbers.max(initial=0) < 1 << 16
    return np.argsort(numbers.astype(np.uint16) if small else numbers, kind="stable")


def _since(begins: Bools) -> Ints:
    """Distance of each element to the last begin at or before it."""
    places = np.arange(len(begins))
    last: Ints = np.maximum.accumulate(np.where(begins, places, 0))
    return places - last


@dataclass(frozen=True)
class _Taking:
    """The state of a matching, by size range and threshold."""

    object_of: NDArray[np.int32]
    ignored: Bools
    truth_ignored: Bools
    truth_crowd: Bools
    least: Floats

    @cached_property
    def taken(self) -> Bools:
        """Whether each object is already matched [G, A, T]."""
        return np.zeros((len(self.truth_crowd), *self.object_of.shape[1:]), np.bool_)

    def take(self, found: Ints, truth: Ints, iou: Floats, *, of_ignored: bool) -> None:
        """Matches one candidate to each detection, if both are unmatched; no two share an image and class."""
        wanted = iou[:, None, None] >= self.least
        wanted = wanted & (self.truth_ignored[truth] == of_ignored)[:, :, None]
        wanted &= ~self.taken[truth] | self.truth_crowd[truth][:, None, None]
        had = self.object_of[found]
        wanted &= had < 0
        self.object_of[found] = np.where(wanted, truth.astype(np.int32)[:, None, None], had)
        if of_ignored:
            self.ignored[found] |= wanted
        self.taken[truth] |= wanted


_Candidates = tuple[Ints, Ints, Floats]
"""Detections, an object for each, and their IoU."""


def _waves(pairs: Pairs, rank: Ints, least: float, most: int) -> Iterator[list[_Candidates]]:
    """Candidates by rank of the detections, at most one detection per image and class, largest IoU first."""
    found, truth, iou = pairs.pair_found, pairs.pair_truth, pairs.pair_iou
    kept = (iou >= least) & (pairs.found_class[found] == pairs.truth_class[truth])
    kept &= rank[found] < most
    found, truth, iou = found[kept], truth[kept], iou[kept]
    # for equal IoU the later object, as in COCO's loop
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
