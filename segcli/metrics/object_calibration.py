"""Calibration of the scores of detections. See `segcli.metrics.calibration`.

A detection is correct if it matches an object of its class at IoU 0.5 (Kueppers et al., "Multivariate Confidence
Calibration for Object Detection", CVPR 2020 workshops: D-ECE by the score alone). Matches with crowds are ignored.
"""

from __future__ import annotations

from typing import Any

from segcli.metrics.calibration import ece, ece_of_all, reliability_counts, reliability_curve
from segcli.metrics.instance_report import IOU_50, Measured
from segcli.metrics.semantic_scores import plain


def object_calibration(measured: Measured) -> dict[str, Any]:
    """ECE of all detections and per class, and the reliability curve, as plain values."""
    pairs, matches = measured.pairs, measured.matches
    counted = ~matches.ignored[:, 0, IOU_50] & (matches.rank < measured.limits.max_detections)
    right, score = matches.hits[counted, 0, IOU_50], pairs.found_score[counted]
    sums = reliability_counts(score, right, pairs.found_class[counted], len(measured.classes))
    by_class = dict(zip(measured.classes, map(plain, ece(sums)), strict=True))
    return {"ECE": plain(ece_of_all(sums)), "classes": by_class, "curve": reliability_curve(sums)}
