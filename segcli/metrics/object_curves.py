"""Precision, recall and F1 of each class over the score threshold, and the threshold with the best F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segcli.metrics.average_precision import ClassRanking, rankings
from segcli.metrics.image_pairs import Floats
from segcli.metrics.instance_report import IOU_50, Measured

_POINTS = 101
"""Points of a curve in a result file."""


@dataclass(frozen=True)
class Curve:
    """The curve of one class at IoU 0.5; each point counts the detections with at least its `score`.

    Attributes:
        score: Distinct scores, falling [K].
        precision: Share of correct detections [K].
        recall: Share of objects found [K].
        objects: Number of objects.
    """

    score: Floats
    precision: Floats
    recall: Floats
    objects: int

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall [K]."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros(len(total)), where=total > 0)

    @property
    def best(self) -> int | None:
        """Index of the best F1, among ties that of the higher score; None without a correct detection."""
        return int(np.argmax(self.f1)) if len(self.score) and self.f1.max() > 0 else None

    def summary(self) -> dict[str, float | None]:
        """The best threshold, with its F1, precision and recall; None values if there is none."""
        best = self.best
        values = {"threshold": self.score, "F1": self.f1, "precision": self.precision, "recall": self.recall}
        return {name: None if best is None else float(numbers[best]) for name, numbers in values.items()}

    def points(self) -> dict[str, list[float]]:
        """At most 101 points from the highest score to the lowest, for files and drawings."""
        places = np.unique(np.linspace(0, len(self.score) - 1, min(_POINTS, len(self.score))).round().astype(int))
        values = {"score": self.score, "precision": self.precision, "recall": self.recall, "F1": self.f1}
        return {name: numbers[places].tolist() for name, numbers in values.items()}


def curve_of(ranking: ClassRanking) -> Curve:
    """The curve of one class at IoU 0.5."""
    counts = ranking.counts[:, IOU_50]
    score, hits = ranking.score[counts], ranking.hits[counts, IOU_50]
    last = np.ones(len(score), np.bool_)
    last[:-1] = score[:-1] != score[1:]
    found = np.cumsum(hits)[last]
    objects = len(ranking.objects_image)
    recall = found / objects if objects else np.zeros(len(found))
    return Curve(score[last], found / (np.flatnonzero(last) + 1), recall, objects)


def curves(measured: Measured) -> dict[str, Curve]:
    """The curve of each class, by its name."""
    count, most = len(measured.classes), measured.limits.max_detections
    of_classes = rankings(measured.pairs, measured.matches, count, 0, most)
    return {name: curve_of(ranking) for name, ranking in zip(measured.classes, of_classes, strict=True)}


def best_thresholds(measured: Measured) -> Floats:
    """The score threshold with the best F1 per class [classes]; 0.5 for classes without a correct detection."""
    found = [curve.summary()["threshold"] for curve in curves(measured).values()]
    return np.array([0.5 if threshold is None else threshold for threshold in found])


def curves_as_dict(measured: Measured) -> dict[str, Any]:
    """By class name: the summary and the points of the curve."""
    return {name: {**curve.summary(), "curve": curve.points()} for name, curve in curves(measured).items()}
