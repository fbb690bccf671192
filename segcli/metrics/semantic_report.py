"""What a measurement of semantic segmentation found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from segcli.data.classes import ClassMap
from segcli.metrics import semantic_scores as metrics
from segcli.metrics.confusion import Counts
from segcli.metrics.semantic_scores import AbsentClass, Values


@dataclass(frozen=True)
class SemanticReport:
    """Counts over a part of a dataset, and the metrics that follow from them.

    Attributes:
        classes: The classes.
        matrix: int64 [truth, prediction], pixels.
        images: How many images were measured.
        absent_class: What a class in neither truth nor prediction does to the means.
        boundary_iou: Boundary IoU a class, where it was asked for.
    """

    classes: ClassMap
    matrix: Counts
    images: int
    absent_class: AbsentClass = "exclude"
    boundary_iou: Values | None = None

    @property
    def miou(self) -> float:
        """Mean intersection over union."""
        return metrics.mean(metrics.iou(self.matrix), self.absent_class)

    def totals(self) -> dict[str, float | None]:
        """PaddleX's four numbers, and the mean boundary IoU where it was measured; None is "not defined"."""
        values = {
            "mIoU": self.miou,
            "Acc": metrics.accuracy(self.matrix),
            "Kappa": metrics.kappa(self.matrix),
            "Dice": metrics.mean(metrics.dice(self.matrix), self.absent_class),
        }
        if self.boundary_iou is not None:
            values["BoundaryIoU"] = metrics.mean(self.boundary_iou, self.absent_class)
        return {name: _plain(value) for name, value in values.items()}

    def per_class(self) -> dict[str, dict[str, float | int | None]]:
        """IoU, precision, recall, Dice and numbers of pixels by class name; None is "not defined"."""
        columns = {
            "IoU": metrics.iou(self.matrix),
            "precision": metrics.precision(self.matrix),
            "recall": metrics.recall(self.matrix),
            "Dice": metrics.dice(self.matrix),
        }
        if self.boundary_iou is not None:
            columns["BoundaryIoU"] = self.boundary_iou
        true, predicted = metrics.true(self.matrix), metrics.predicted(self.matrix)
        return {
            name: {
                **{column: _plain(float(values[index])) for column, values in columns.items()},
                "pixels": int(true[index]),
                "predicted_pixels": int(predicted[index]),
            }
            for index, name in enumerate(self.classes)
        }

    def as_dict(self) -> dict[str, Any]:
        """Totals, and all values a class, as plain values."""
        return {**self.totals(), "classes": self.per_class(), "images": self.images}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
