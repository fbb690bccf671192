"""The result of a semantic evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import ClassMap
from segcli.metrics.bootstrap import resampled_sums, unit_of_images
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.confusion import Counts
from segcli.metrics.intervals import Intervals, Replicates
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_scores import AbsentClass, Values, plain
from segcli.metrics.table import SEMANTIC


@dataclass(frozen=True)
class SemanticReport:
    """Counts over a split of a dataset, and the metrics computed from them.

    Attributes:
        counts: Counts of each image.
        images: Number of evaluated images.
        absent_class: How a class in neither truth nor prediction counts in the means.
        intervals: Confidence intervals of the metrics, if they were computed.
    """

    counts: SemanticCounts
    images: int
    absent_class: AbsentClass = "exclude"
    intervals: Intervals = field(default_factory=Intervals)

    @property
    def classes(self) -> ClassMap:
        """The classes."""
        return self.counts.classes

    @cached_property
    def matrix(self) -> Counts:
        """The confusion matrix in pixels, int64 [truth, prediction]."""
        return self.counts.matrix.compute()

    @cached_property
    def near_borders(self) -> Counts:
        """The wrong pixels near a true border, int64 [truth, prediction]; see `segcli.data.borders`."""
        count = len(self.classes)
        found: Counts = self.counts.near_borders.total().reshape(count, count)
        return found

    def wrong_pixels(self) -> dict[str, float | int | None]:
        """How many pixels are wrong, and which share of these is near a true border; None where none is."""
        wrong, total = int(self.matrix.sum() - np.trace(self.matrix)), int(self.matrix.sum())
        near = int(self.near_borders.sum()) / wrong if wrong else None
        return {"pixels": wrong, "share": wrong / total if total else None, "near_border": near}

    @property
    def miou(self) -> float:
        """Mean intersection over union."""
        return float(SEMANTIC[0].total(self._totals, self.absent_class))

    @property
    def _totals(self) -> ClassTotals:
        return ClassTotals.of(self.matrix)

    def totals(self) -> dict[str, float | None]:
        """The metrics over all classes, PaddleX's four first; None is "not defined"."""
        values = {row.name: row.total(self._totals, self.absent_class) for row in SEMANTIC if row.name is not None}
        for metric in self.counts.metrics:
            values[metric.name] = metric.total(self.sums(metric.name), self.absent_class)
        return {name: plain(value) for name, value in values.items()}

    def per_class(self) -> dict[str, dict[str, float | int | None]]:
        """All metrics and pixel counts by class name; None is "not defined"."""
        columns = {row.class_name: row.of(self._totals) for row in SEMANTIC if row.class_name is not None}
        columns |= {metric.name: metric.of(self.sums(metric.name)) for metric in self.counts.metrics}
        true, predicted = self._totals.true, self._totals.predicted
        return {
            name: {
                **{column: plain(values[index]) for column, values in columns.items()},
                "pixels": int(true[index]),
                "predicted_pixels": int(predicted[index]),
            }
            for index, name in enumerate(self.classes)
        }

    def sums(self, name: str) -> NDArray[np.float64]:
        """The sums of an image metric over all images, float64 [columns x classes]."""
        found: NDArray[np.float64] = self.counts.extras[name].total()
        return found

    def as_dict(self) -> dict[str, Any]:
        """Totals and metrics per class, as plain values."""
        return {**self.totals(), "classes": self.per_class(), "images": self.images}


def semantic_replicates(
    counts: SemanticCounts, absent: AbsentClass, replicates: int, groups: Sequence[str | None] | None = None
) -> Replicates:
    """Bootstrap replicates of each metric; every evaluation of the same images uses the same draws.

    Args:
        counts: Counts of each image.
        absent: How a class in neither truth nor prediction counts in the means.
        replicates: Bootstrap replicates; 0 computes nothing.
        groups: Group of each image in the dataset's order, drawn as a whole; None draws single images.
    """
    if not replicates or not len(counts.confusions):
        return Replicates()
    units = unit_of_images(groups, len(counts.confusions))
    found = Replicates(int(units.max()) + 1, "image" if groups is None else "group")
    rows = ClassTotals.of_images(counts.confusions, len(counts.classes)).as_rows()
    totals = ClassTotals.from_rows(resampled_sums(rows, lambda sums: sums, replicates, units))
    for row in SEMANTIC:
        if row.name is not None:
            found.all[row.name] = row.total(totals, absent)
        if row.class_name is not None:
            _per_class(found, row.class_name, row.of(totals), counts.classes)
    for metric in counts.metrics:
        sums = resampled_sums(counts.extras[metric.name].dense(), lambda sums: sums, replicates, units)
        found.all[metric.name] = metric.total(sums, absent)
        _per_class(found, metric.name, metric.of(sums), counts.classes)
    return found


def semantic_intervals(
    counts: SemanticCounts, absent: AbsentClass, replicates: int, groups: Sequence[str | None] | None = None
) -> Intervals:
    """The confidence interval of each metric; see `semantic_replicates`."""
    return semantic_replicates(counts, absent, replicates, groups).intervals()


def _per_class(found: Replicates, name: str, values: Values, classes: ClassMap) -> None:
    for index, class_name in enumerate(classes):
        found.by_class.setdefault(class_name, {})[name] = values[:, index]
