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
    pairs, matches = measured.pairs, measured.matches
    counted = ~matches.ignored[:, 0, IOU_50] & (matches.rank < measured.limits.max_detections)
    right, score = matches.hits[counted, 0, IOU_50], pairs.found_score[counted]
    classes, count = pairs.found_class[counted], len(measured.classes)
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
