"""Panoptic quality of objects, computed on segments that do not overlap.

Kirillov, He, Girshick, Rother, Dollár, "Panoptic Segmentation", CVPR 2019, and cocodataset/panopticapi. The
background counts as a segment without an object, not as void: detections in it are false.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.data.rle import Rle
from segcli.metrics.image_rows import Row
from segcli.metrics.semantic_scores import Values, ratio

COLUMNS = 4
"""Numbers per class: sum of IoU, and true positive, false positive and missed segments."""


def count_segments(
    sample: InstanceSample, truth: Sequence[Rle], detections: Detections, classes: int, least_score: float
) -> Row:
    """Counts of one image for panoptic quality: float64 [4 x classes].

    Args:
        sample: The image; among overlapping objects the smaller one is on top.
        truth: Masks of its objects.
        detections: The detections; among overlapping ones the one with the higher score is on top.
        classes: Number of classes.
        least_score: Minimum score of a detection.
    """
    shape = sample.height, sample.width
    below = sorted(range(len(truth)), key=lambda place: -sample.objects[place].area_px)
    objects = [sample.objects[place] for place in below]
    scores = np.asarray(detections.scores, np.float64)
    order = [place for place in np.argsort(scores, kind="stable") if scores[place] >= least_score]
    true = _painted((truth[place] for place in below), shape)
    found = _painted((detections.masks[place] for place in order), shape)
    shared = np.bincount((true * (len(order) + 1) + found).ravel(), minlength=(len(objects) + 1) * (len(order) + 1))
    shared = shared.reshape(len(objects) + 1, len(order) + 1)
    true_class = np.array([value.class_id for value in objects], np.int64)
    found_class = np.asarray(detections.classes, np.int64)[order]
    crowd = np.array([value.is_crowd for value in objects], np.bool_)
    return _counted(shared, true_class, found_class, crowd, classes).reshape(-1)


def _painted(masks: Iterable[Rle], shape: tuple[int, int]) -> NDArray[np.int64]:
    """A map of segments numbered from 1, the later ones on top; 0 is background."""
    segments = np.zeros(shape, np.int64)
    for number, mask in enumerate(masks, start=1):
        crop = rle.decode_crop(mask)
        if crop is not None:
            pixels, x, y = crop
            np.copyto(segments[y : y + pixels.shape[0], x : x + pixels.shape[1]], number, where=pixels > 0)
    return segments


def _counted(
    shared: NDArray[np.int64],
    true_class: NDArray[np.int64],
    found_class: NDArray[np.int64],
    crowd: NDArray[np.bool_],
    classes: int,
) -> Values:
    counts = np.zeros((COLUMNS, classes))
    true_area, found_area = shared.sum(axis=1)[1:], shared.sum(axis=0)[1:]
    inner = shared[1:, 1:]
    iou = ratio(inner, true_area[:, None] + found_area[None, :] - inner)
    same = true_class[:, None] == found_class[None, :]
    match = same & (iou > 0.5) & ~crowd[:, None]
    truths, founds = np.nonzero(match)
    np.add.at(counts[0], true_class[truths], iou[truths, founds])
    np.add.at(counts[1], true_class[truths], 1)
    of_crowd = (inner * (same & crowd[:, None])).max(axis=0, initial=0)
    false = ~match.any(axis=0) & (found_area > 0) & (2 * of_crowd <= found_area)
    np.add.at(counts[2], found_class[false], 1)
    np.add.at(counts[3], true_class[~match.any(axis=1) & ~crowd & (true_area > 0)], 1)
    return counts


def panoptic_quality(sums: NDArray[np.float64]) -> dict[str, Values]:
    """PQ, SQ (segmentation) and RQ (recognition quality) per class [..., classes], from sums of `count_segments`."""
    iou, right, false, missed = np.split(sums, COLUMNS, axis=-1)
    recognised = ratio(right, right + (false + missed) / 2)
    return {"PQ": ratio(iou, right + (false + missed) / 2), "SQ": ratio(iou, right), "RQ": recognised}
