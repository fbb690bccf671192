"""The result that `evaluate` returns and writes into `evaluate_result.json` for semantic models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from segcli.data.files import write_json_atomic
from segcli.metrics.intervals import few_units, shown
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.slices import SlicedColumn
from segcli.metrics.table import empty_class_policy, provenance, semantic_sources
from segcli.report.confusion import draw_confusion
from segcli.steps.evaluate.semantic_page import largest_confusions, wrong_sentence
from segcli.steps.evaluate.thresholds import Threshold

CONFUSION_STEM = "confusion_matrix"
_CLASS_COLUMNS = ("IoU", "precision", "recall")


@dataclass(frozen=True)
class EvaluateResult:
    """The outcome of an evaluation.

    Attributes:
        model_name: The model.
        weights: What was measured: a weight file, or the folder of an exported model.
        runtime: The runtime that ran it.
        report: The counts and the metrics computed from them.
        confusion_json: The confusion matrix as numbers.
        confusion_png: The same as an image.
        per_image: Files of the per-image table.
        pages: Files of the report, as HTML and as Markdown.
        slices: Mean score of the images, sliced by columns of the per-image table.
        thresholds: Required values (`Evaluate.fail_under`).
        tiling: How large images were cut into tiles; None for prediction files.
        measured_by: Protocol, command, versions and digests.
        calibration: Reliability curve and temperature with their files; None if they were not measured.
    """

    model_name: str
    weights: str
    runtime: str
    report: SemanticReport
    confusion_json: str
    confusion_png: str
    per_image: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    slices: tuple[SlicedColumn, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    tiling: dict[str, Any] | None = None
    measured_by: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] | None = None

    @property
    def complete(self) -> bool:
        """Whether every required value was reached."""
        return all(one.passed for one in self.thresholds)

    def as_dict(self) -> dict[str, Any]:
        """PaddleX's `metrics` (mIoU, Acc, Kappa, Dice), and all further values."""
        names = [*self.report.totals(), "IoU", "precision", "recall"]
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
            "tiles": self.tiling,
            "confusion_matrix": {"json": self.confusion_json, "png": self.confusion_png},
            "per_image": list(self.per_image),
            "pages": list(self.pages),
            "slices": [one.as_dict() for one in self.slices],
            "wrong_pixels": self.report.wrong_pixels(),
            "largest_confusions": largest_confusions(self.report),
            "fail_under": [one.as_dict() for one in self.thresholds],
            **({} if self.calibration is None else {"calibration": dict(self.calibration)}),
            "provenance": provenance(semantic_sources(self.report.counts.metrics), names),
            **self.measured_by,
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
        rows.append(("errors", wrong_sentence(self.report)))
        rows.append(("empty classes", empty_class_policy(self.report.absent_class)))
        return [*rows, ("confusion matrix", self.confusion_png), *files_and_thresholds(self)]


class LeavesFiles(Protocol):
    """What the last rows of a summary need."""

    @property
    def per_image(self) -> tuple[str, ...]:
        """Files of the per-image table."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Files of the report, as HTML and as Markdown."""

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Required values (`Evaluate.fail_under`)."""


def files_and_thresholds(result: LeavesFiles) -> list[tuple[str, str]]:
    """The last rows of a summary: files, then thresholds."""
    rows = [("per image", path) for path in result.per_image] + [("page", path) for path in result.pages[:1]]
    return rows + [("passed" if one.passed else "FAILED", one.sentence()) for one in result.thresholds]


def write_confusion(report: SemanticReport, folder: Path) -> tuple[Path, Path]:
    """Writes the confusion matrix as JSON and as an image; returns both paths."""
    numbers, image = folder / f"{CONFUSION_STEM}.json", folder / f"{CONFUSION_STEM}.png"
    values = {"class_names": list(report.classes), "rows": "truth", "columns": "prediction"}
    write_json_atomic(numbers, {**values, "pixels": report.matrix.tolist()})
    draw_confusion(report.matrix, report.classes, image)
    return numbers, image
