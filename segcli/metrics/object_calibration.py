"""Calibration of the scores of detections. See `segcli.metrics.calibration`.

A detection is correct if it matches an object of its class at IoU 0.5 (Kueppers et al., "Multivariate Confidence
Calibration for Object Detection", CVPR 2020 workshops: D-ECE by the score alone). Matches with crowds are ignored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from segcli.inference.activation import tempered
from segcli.metrics.calibration import (
    ece,
    ece_of_all,
    reliability_counts,
    reliability_curve,
    temperature_of_chances,
)
from segcli.metrics.image_pairs import Bools
from segcli.metrics.image_rows import Row
from segcli.metrics.instance_report import IOU_50, Measured
from segcli.metrics.semantic_scores import plain


def object_calibration(measured: Measured, temperature: float = 1.0) -> dict[str, Any]:
    """ECE of all detections and per class, the reliability curve, and the temperature, as plain values.

    `temperature` divides the log-odds of the network's scores, `ECE_calibrated` is what is then left of the error on
    the same images. The order of the scores, and so AP, stays.

    Args:
        measured: The masks.
        temperature: By which the log-odds of their scores were already divided.
    """
    counted, right = _judged(measured)
    score, classes = measured.pairs.found_score[counted], measured.pairs.found_class[counted]
    count = len(measured.classes)
    sums = reliability_counts(score, right, classes, count)
    own = score if temperature == 1 else tempered(score, 1 / temperature)
    heat = temperature_of_chances(own, right)
    known = not np.isnan(heat)
    cooled = reliability_counts(tempered(own, heat if known else 1.0), right, classes, count)
    by_class = dict(zip(measured.classes, map(plain, ece(sums)), strict=True))
    return {
        "ECE": plain(ece_of_all(sums)),
        "temperature": plain(np.float64(heat)),
        "ECE_calibrated": plain(ece_of_all(cooled)) if known else None,
        "classes": by_class,
        "curve": reliability_curve(sums),
    }


def object_ece(measured: Measured) -> float | None:
    """ECE of all detections; None without any."""
    return plain(ece_of_all(image_reliability(measured, 1)[0]))


def image_reliability(measured: Measured, images: int) -> Row:
    """Counts of `reliability_counts` for all classes together, one row per image [images, 3 x bins].

    Args:
        measured: The masks.
        images: Number of images; 1 adds all of them up.
    """
    counted, right = _judged(measured)
    places = measured.pairs.found_image[counted] if images > 1 else np.zeros(int(counted.sum()), np.int64)
    sums = reliability_counts(measured.pairs.found_score[counted], right, places, images)
    return np.ascontiguousarray(sums.reshape(-1, images).T)


def _judged(measured: Measured) -> tuple[Bools, Bools]:
    """Which detections count [D], and whether each of these is right."""
    matches = measured.matches
    counted = ~matches.ignored[:, 0, IOU_50] & (matches.rank < measured.limits.max_detections)
    return counted, matches.hits[counted, 0, IOU_50]
