"""Error analysis: assigns one kind of error to each false detection and each missed object.

Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020: the weight of
a kind is the gain in AP at IoU 0.5 when only this kind is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.average_precision import ClassRanking, average_precision
from segcli.metrics.image_pairs import LEAST_IOU, Bools, Floats, Ints
from segcli.metrics.instance_report import IOU_50, Measured
from segcli.metrics.object_pairs import Pairs

KINDS = ("classification", "location", "both", "duplicate", "background", "missed")
"""Wrong class, well localised; correct class, badly localised; both; an object that another detection matches; no
object there; and objects without any near detection."""
CLASSIFICATION, LOCATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(6)
_LEAST = 0.5
NONE = -1


@dataclass(frozen=True)
class ObjectErrors:
    """The errors of a measurement at IoU 0.5.

    Attributes:
        kind: Index in `KINDS` of each false detection, `NONE` for others [D].
        target: The object to which a classification or location error belongs, -1 for none [D].
        missed: Objects without any near detection [G].
        unfound: Objects that were not found, including those with a classification or location error [G].
    """

    kind: NDArray[np.int8]
    target: Ints
    missed: Bools
    unfound: Bools

    def counts(self) -> dict[str, int]:
        """Number of errors of each kind."""
        found = {name: int(np.count_nonzero(self.kind == place)) for place, name in enumerate(KINDS[:MISSED])}
        return {**found, "missed": int(self.missed.sum())}


def find_errors(measured: Measured) -> ObjectErrors:
    """The kind of error of each false detection and each missed object."""
    pairs, matches = measured.pairs, measured.matches
    hits, object_of = matches.hits[:, 0, IOU_50], matches.object_of[:, 0, IOU_50]
    false = ~hits & ~matches.ignored[:, 0, IOU_50] & (matches.rank < measured.limits.max_detections)
    real = ~pairs.truth_crowd
    taken = np.zeros(len(real), np.bool_)
    taken[object_of[hits]] = True
    same = pairs.found_class[pairs.pair_found] == pairs.truth_class[pairs.pair_truth]
    counted = real[pairs.pair_truth]
    own, own_object = _best(pairs, same & counted)
    other, other_object = _best(pairs, ~same & counted)
    used, _ = _best(pairs, same & counted & taken[pairs.pair_truth])
    conditions = [
        (own >= LEAST_IOU) & (own <= _LEAST),
        other >= _LEAST,
        used >= _LEAST,
        np.maximum(own, other) <= LEAST_IOU,
    ]
    kind = np.select(conditions, [LOCATION, CLASSIFICATION, DUPLICATE, BACKGROUND], BOTH)
    kind = np.where(false, kind, NONE).astype(np.int8)
    target = np.select([kind == LOCATION, kind == CLASSIFICATION], [own_object, other_object], -1)
    unfound = real & ~taken
    near = np.zeros(len(real), np.bool_)
    near[target[target >= 0]] = True
    return ObjectErrors(kind, target, unfound & ~near, unfound)


def _best(pairs: Pairs, chosen: Bools) -> tuple[Floats, Ints]:
    """Largest IoU of each detection in some pairs, and its object (the first among ties); 0 and -1 if it has none."""
    iou, truth = np.zeros(len(pairs.found_class)), np.full(len(pairs.found_class), -1)
    places = np.flatnonzero(chosen)
    # written in rising order, so that the largest remains
    order = places[np.lexsort((-pairs.pair_truth[places], pairs.pair_iou[places]))]
    iou[pairs.pair_found[order]] = pairs.pair_iou[order]
    truth[pairs.pair_found[order]] = pairs.pair_truth[order]
    return iou, truth


def gains(measured: Measured, errors: ObjectErrors) -> dict[str, float | None]:
    """Gain in mean AP at IoU 0.5 when each kind alone is fixed, or all false detections, or all missed objects.

    Returns:
        By kind, then `false_positives` and `false_negatives`; None where there is no object.
    """
    state = _State.of(measured)
    base = state.mean_ap()
    if base is None:
        return dict.fromkeys((*KINDS, "false_positives", "false_negatives"))
    found: dict[str, float | None] = {}
    for place, name in enumerate(KINDS[:MISSED]):
        found[name] = max(0.0, (state.mended(errors, place).mean_ap() or 0.0) - base)
    found["missed"] = max(0.0, (state.without(errors.missed).mean_ap() or 0.0) - base)
    right = replace(state, score=np.where(state.hits, 1.0, 0.0))
    found["false_positives"] = (right.mean_ap() or 0.0) - base
    found["false_negatives"] = (state.without(errors.unfound).mean_ap() or 0.0) - base
    return found


@dataclass(frozen=True)
class _State:
    """The inputs of AP at IoU 0.5: detections, and objects per class."""

    classes: Ints
    score: Floats
    image: Ints
    hits: Bools
    kept: Bools
    truth_class: Ints
    counted: Bools
    num_classes: int
    measured: Ints

    @staticmethod
    def of(measured: Measured) -> _State:
        pairs, matches = measured.pairs, measured.matches
        kept = ~matches.ignored[:, 0, IOU_50] & (matches.rank < measured.limits.max_detections)
        hits, counted = matches.hits[:, 0, IOU_50], ~pairs.truth_crowd
        about = pairs.found_class, pairs.found_score, pairs.found_image
        present = np.unique(pairs.truth_class[counted])
        return _State(*about, hits, kept, pairs.truth_class, counted, len(measured.classes), present)

    def mean_ap(self) -> float | None:
        """Mean over the classes with objects; a class whose objects were all removed counts 0 if it has detections."""
        objects = np.bincount(self.truth_class[self.counted], minlength=self.num_classes)
        order = np.lexsort((self.image, -self.score, self.classes))
        order = order[self.kept[order]]
        ends = np.searchsorted(self.classes[order], np.arange(self.num_classes + 1))
        values = []
        for class_id in self.measured:
            own = order[ends[class_id] : ends[class_id + 1]]
            if not objects[class_id]:
                values += [0.0] if len(own) else []
                continue
            none = np.zeros(objects[class_id], np.int64)
            hits = self.hits[own, None]
            one = ClassRanking(np.zeros(len(own), np.int64), hits, np.ones_like(hits), none, self.score[own])
            values.append(average_precision(one)[0])
        return float(np.mean(values)) if values else None

    def mended(self, errors: ObjectErrors, kind: int) -> _State:
        """The state with one kind fixed: the best detection for each object matches it, the others are removed."""
        wrong = errors.kind == kind
        if kind not in (CLASSIFICATION, LOCATION):
            return replace(self, kept=self.kept & ~wrong)
        best = self._best_for_objects(errors)
        hits, kept, classes = self.hits | (wrong & best), self.kept & (~wrong | best), self.classes.copy()
        moved = wrong & best
        classes[moved] = self.truth_class[errors.target[moved]]
        return replace(self, hits=hits, kept=kept, classes=classes)

    def _best_for_objects(self, errors: ObjectErrors) -> Bools:
        """Whether a detection has the best score of all that target the same unfound object."""
        near = np.flatnonzero(errors.target >= 0)
        near = near[errors.unfound[errors.target[near]]]
        order = near[np.lexsort((-near, self.score[near]))]
        best_of = np.full(len(errors.unfound), -1)
        best_of[errors.target[order]] = order
        best = np.zeros(len(self.score), np.bool_)
        best[best_of[best_of >= 0]] = True
        return best

    def without(self, objects: Bools) -> _State:
        """The state without some objects."""
        return replace(self, counted=self.counted & ~objects)


def errors_as_dict(measured: Measured) -> dict[str, Any]:
    """Number of errors of each kind, and the gain in AP at IoU 0.5 when it alone is fixed."""
    errors = find_errors(measured)
    return {"counts": errors.counts(), "AP50_gain": gains(measured, errors), "IoU": _LEAST, "background_IoU": LEAST_IOU}
