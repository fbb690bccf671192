"""The confusion matrix of instances, with rows and columns for missed objects and false detections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segcli.metrics.confusion import Counts
from segcli.metrics.image_pairs import Floats
from segcli.metrics.instance_report import Measured
from segcli.metrics.matching import Limits, match


def object_confusion(measured: Measured, least_score: Floats | None = None) -> Counts:
    """Counts of (true class, predicted class) at IoU 0.5, matched regardless of class.

    Args:
        measured: Masks or boxes.
        least_score: Minimum score of detections per class [classes]; None counts all.

    Returns:
        int64 [classes + 1, classes + 1], truth by rows; the last row and column are "no object".
    """
    pairs, count = measured.pairs, len(measured.classes)
    nameless = replace(
        pairs, truth_class=np.zeros_like(pairs.truth_class), found_class=np.zeros_like(pairs.found_class)
    )
    if least_score is not None:
        nameless = replace(
            nameless,
            found_score=np.where(pairs.found_score >= least_score[pairs.found_class], pairs.found_score, -1.0),
        )
    matches = match(nameless, Limits(len(pairs.found_class) + 1, thresholds=(0.5,)))
    kept = ~matches.ignored[:, 0, 0] & (nameless.found_score >= 0)
    object_of = np.where(kept, matches.object_of[:, 0, 0], -1)
    hits = object_of >= 0
    truth = np.where(hits, pairs.truth_class[np.maximum(object_of, 0)] if len(pairs.truth_class) else count, count)
    matrix = np.zeros((count + 1, count + 1), np.int64)
    np.add.at(matrix, (truth[kept], pairs.found_class[kept]), 1)
    missed = ~pairs.truth_crowd
    missed[object_of[hits]] = False
    matrix[:count, count] = np.bincount(pairs.truth_class[missed], minlength=count)
    return matrix
