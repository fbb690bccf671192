"""What `evaluate` returns and writes into `evaluate_result.json` for semantic models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.files import write_json_atomic
from segcli.metrics.intervals import few_units, shown
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.table import empty_class_policy, provenance, semantic_sources
from segcli.report.confusion import draw_confusion

CONFUSION_STEM = "confusion_matrix"
_CLASS_COLUMNS = ("IoU", "precision", "recall")


@dataclass(frozen=True)
class EvaluateResult:
    """The outcome of an evaluation.

    Attributes:
        model_name: The model.
        weights: What was measured: a weight file, or the folder of an exported model.
        runtime: What ran it.
        report: The counts and what follows from them.
        confusion_json: The confusion matrix as numbers.
        confusion_png: The same as an image.
        per_image: Files of the table of images.
    """

    model_name: str
    weights: str
    runtime: str
    report: SemanticReport
    confusion_json: str
    confusion_png: str
    per_image: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """PaddleX's `metrics` (mIoU, Acc, Kappa, Dice), and all of ours."""
        return {
            "metrics": self.report.totals(),
            "interval": self.report.intervals.as_dict() if self.report.intervals.replicates else None,
            "classes": self.report.per_class(),
            "class_names": list(self.report.classes),
            "images": self.report.images,
            "absent_class": self.report.absent_class,
            "empty_class_policy": empty_class_policy(self.report.absent_class),
            "model_name": self.model_name,
            "weight_path": self.weights,
            "runtime": self.runtime,
            "confusion_matrix": {"json": self.confusion_json, "png": self.confusion_png},
            "per_image": list(self.per_image),
            "provenance": provenance(semantic_sources(), [*self.report.totals(), "IoU", "precision", "recall"]),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name), ("weights", self.weights), ("runtime", self.runtime)]
        rows.append(("images", str(self.report.images)))
        intervals = self.report.intervals
        rows += [(name, shown(value, intervals.all.get(name))) for name, value in self.report.totals().items()]
        for name, values in self.report.per_class().items():
            known = intervals.by_class.get(name, {})
            rows.append((name, ", ".join(f"{key} {shown(values[key], known.get(key))}" for key in _CLASS_COLUMNS)))
        rows += [("note", note) for note in few_units(intervals.units, intervals.unit)]
        rows.append(("empty classes", empty_class_policy(self.report.absent_class)))
        return [*rows, ("confusion matrix", self.confusion_png), *(("per image", path) for path in self.per_image)]


def write_confusion(report: SemanticReport, folder: Path) -> tuple[Path, Path]:
    """Writes the confusion matrix as JSON and as an image; returns both paths."""
    numbers, image = folder / f"{CONFUSION_STEM}.json", folder / f"{CONFUSION_STEM}.png"
    values = {"class_names": list(report.classes), "rows": "truth", "columns": "prediction"}
    write_json_atomic(numbers, {**values, "pixels": report.matrix.tolist()})
    draw_confusion(report.matrix, report.classes, image)
    return numbers, image
