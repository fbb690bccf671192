"""COCO's average precision and recall from matches, over all images or over bootstrap replicates.

cocodataset/cocoapi, `COCOeval.accumulate`: precision at 101 recalls, made monotonically decreasing. A replicate weights
each image by how often it was drawn; unless scores are tied, this equals the evaluation of the repeated images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_pairs import Bools, Floats, Ints
from segcli.metrics.matching import Matches
from segcli.metrics.object_pairs import Pairs

RECALLS: Floats = np.linspace(0, 1, 101)
_EPS = float(np.spacing(1))
_NUMBERS_AT_ONCE = 200_000
"""Block size that fits into the processor's cache."""


@dataclass(frozen=True)
class ClassRanking:
    """The detections of one class, sorted by falling score, and its objects.

    Attributes:
        image: Image of each detection [D].
        hits: Whether it is a true positive at each threshold [D, T].
        counts: Whether it counts at each threshold, or is ignored [D, T].
        objects_image: Image of each object that counts [G].
        score: Score of each detection [D].
    """

    image: Ints
    hits: Bools
    counts: Bools
    objects_image: Ints
    score: Floats


def rankings(pairs: Pairs, matches: Matches, classes: int, size: int = 0, most: int = 100) -> Iterator[ClassRanking]:
    """The ranking of each class in turn.

    Args:
        pairs: Pairs of all images.
        matches: The matching of these pairs.
        classes: Number of classes.
        size: Index of the size range.
        most: Most detections per image and class that count.
    """
    order = matches.order[matches.rank[matches.order] < most]
    ends = np.searchsorted(pairs.found_class[order], np.arange(classes + 1))
    counts = _by_threshold(matches.counts[:, size], order)
    hits = _by_threshold(matches.hits[:, size], order)
    image, score = pairs.found_image[order], pairs.found_score[order]
    objects = np.flatnonzero(~matches.truth_ignored[:, size])
    objects = objects[np.argsort(pairs.truth_class[objects], kind="stable")]
    object_ends = np.searchsorted(pairs.truth_class[objects], np.arange(classes + 1))
    for class_id in range(classes):
        own = slice(ends[class_id], ends[class_id + 1])
        there = objects[object_ends[class_id] : object_ends[class_id + 1]]
        yield ClassRanking(image[own], hits[own], counts[own], pairs.truth_image[there], score[own])


def _by_threshold(values: Bools, order: Ints) -> Bools:
    """Rows [D, T] in another order, each threshold contiguous in memory: it is read along the detections."""
    return values.T.take(order, axis=1).T


def average_precision(ranking: ClassRanking) -> Floats:
    """AP at each threshold, float64 [T]; NaN where there is no object."""
    objects, thresholds = len(ranking.objects_image), ranking.hits.shape[1]
    if not objects:
        return np.full(thresholds, np.nan)
    # precision has its maxima at hits, and only hits raise the recall: other detections only count
    needed = np.searchsorted(np.arange(objects + 1) / objects, RECALLS)
    needed[0] = 1  # before the first hit no recall is reached, not even 0
    threshold, place = np.nonzero(ranking.hits.T)
    number = np.arange(len(place)) - np.searchsorted(threshold, np.arange(thresholds))[threshold]
    last = int(place.max(initial=-1)) + 1
    counted = np.cumsum(ranking.counts[:last].T, axis=1, dtype=np.int32)[threshold, place]
    precision = np.zeros((thresholds, objects))  # at each hit, and 0 where there are no more
    precision[threshold, number] = (number + 1) / (counted + _EPS)
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    found: Floats = falling[:, needed - 1].sum(axis=1) / len(RECALLS)
    return found


def average_recall(ranking: ClassRanking) -> Floats:
    """Share of the objects found at each threshold, float64 [T]; NaN where there is no object."""
    objects = len(ranking.objects_image)
    hits: Floats = ranking.hits.sum(axis=0, dtype=np.float64)
    share: Floats = hits / objects if objects else np.full(len(hits), np.nan)
    return share


def weighted_average_recall(ranking: ClassRanking, weights: NDArray[Any]) -> Floats:
    """Share of the objects found at each threshold with a weight per image.

    Args:
        ranking: The ranking of one class.
        weights: How often each image is drawn [images, R].

    Returns:
        float64 [R, T]; NaN where no object is drawn.
    """
    images = len(weights)
    drawn = weights.astype(np.float64)
    hits = np.stack([np.bincount(ranking.image[found], minlength=images) for found in ranking.hits.T])
    objects = np.bincount(ranking.objects_image, minlength=images) @ drawn
    share = np.full((drawn.shape[1], len(hits)), np.nan)
    np.divide((hits @ drawn).T, objects[:, None], out=share, where=objects[:, None] > 0)
    return share


def weighted_average_precision(ranking: ClassRanking, weights: NDArray[Any]) -> Floats:
    """AP at each threshold with a weight per image.

    Args:
        ranking: The ranking of one class.
        weights: How often each image is drawn [images, R]; its dtype is used for the sums, float32 is sufficient.

    Returns:
        float64 [R, T]; NaN where no object is drawn.
    """
    per_image = np.bincount(ranking.objects_image, minlength=len(weights)).astype(weights.dtype)
    objects = (per_image @ weights).astype(np.int64)
    found = np.zeros((weights.shape[1], ranking.hits.shape[1]))
    last = int(np.flatnonzero(ranking.hits.any(axis=1)).max(initial=-1)) + 1
    at_once = max(1, _NUMBERS_AT_ONCE // max(last, 1))
    for begin in range(0, len(found) if last else 0, at_once):
        part = slice(begin, begin + at_once)
        found[part] = _precision_of_part(ranking, last, weights[:, part], objects[part])
    found[objects == 0] = np.nan
    return found


def _precision_of_part(ranking: ClassRanking, last: int, weights: NDArray[Any], objects: Ints) -> Floats:
    """AP [R, T] from the detections up to the last hit."""
    found = np.zeros((weights.shape[1], ranking.hits.shape[1]))
    counts = ranking.counts[:last]
    drawn = weights[ranking.image[:last]]
    same = bool((counts == counts[:, :1]).all())
    reached_by, begin_of = _recalls_reached(objects)
    total: NDArray[Any] | None = None
    for threshold in range(found.shape[1]):
        places = np.flatnonzero(ranking.hits[:last, threshold])
        if not len(places):
            continue
        if total is None or not same:
            total = np.cumsum(drawn * counts[:, threshold, None].astype(drawn.dtype), axis=0)
        hits = np.cumsum(drawn[places], axis=0)
        precision = hits / (total[places] + drawn.dtype.type(_EPS))
        falling = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = reached_by[hits.astype(np.int32) + begin_of]
        found[:, threshold] = np.einsum("pr,pr->r", falling, np.diff(reached, axis=0, prepend=0)) / len(RECALLS)
    return found


def _recalls_reached(objects: Ints) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Number of the 101 recalls reached, by number of hits, and where each replicate begins in that array."""
    begin_of = np.concatenate([[0], np.cumsum(objects + 1)])
    hits = np.arange(begin_of[-1]) - np.repeat(begin_of[:-1], objects + 1)
    recall = hits / np.repeat(np.maximum(objects, 1), objects + 1)
    reached = np.searchsorted(RECALLS, recall, side="right")
    reached[begin_of[:-1]] = 0  # before the first hit no recall is reached, not even 0
    return reached.astype(np.float32), begin_of[:-1].astype(np.int32)
