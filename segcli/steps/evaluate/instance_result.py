"""The result that `evaluate` returns and writes into `evaluate_result.json` for instance models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from segcli.data.classes import ClassMap
from segcli.data.files import write_json_atomic
from segcli.metrics.bootstrap import Interval
from segcli.metrics.frequency import GROUPS
from segcli.metrics.instance_report import AveragePrecision, InstanceReport
from segcli.metrics.intervals import few_units, shown
from segcli.metrics.object_calibration import object_calibration
from segcli.metrics.object_confusion import object_confusion
from segcli.metrics.object_curves import best_thresholds, curves_as_dict
from segcli.metrics.slices import SlicedColumn
from segcli.metrics.table import instance_headline, instance_numbers, instance_sources, provenance
from segcli.report.confusion import draw_confusion
from segcli.report.reliability import RELIABILITY_FILE, draw_reliability
from segcli.report.score_curves import CURVES_PNG, draw_score_curves
from segcli.steps.evaluate.image_file import Table, write_table
from segcli.steps.evaluate.result import files_and_thresholds
from segcli.steps.evaluate.thresholds import Threshold

NO_OBJECT = "no object"
EMPTY_CLASSES = "a class without objects is left out of the mean"


@dataclass(frozen=True)
class InstanceFiles:
    """Files that an evaluation writes besides its result.

    Attributes:
        per_image: Files of the per-image table.
        curves: Precision, recall and F1 of each class by score threshold.
        curves_png: The same as an image.
        confusion_json: The confusion matrix of instances as numbers.
        confusion_png: The same as an image.
        reliability: The reliability curve of the scores.
        pages: Files of the report, as HTML and as Markdown.
        temperature: File of the temperature that the export of these weights takes; empty if none was saved.
    """

    per_image: tuple[str, ...]
    curves: str
    curves_png: str
    confusion_json: str
    confusion_png: str
    reliability: str = ""
    pages: tuple[str, ...] = ()
    temperature: str = ""


@dataclass(frozen=True)
class InstanceEvaluateResult:
    """The outcome of an evaluation.

    Attributes:
        model_name: The model.
        weights: What was measured: a weight file, or the folder of an exported model.
        runtime: The runtime that ran it.
        report: The metrics.
        files: Files written besides the result.
        slices: Mean score of the images, sliced by columns of the per-image table.
        thresholds: Required values (`Evaluate.fail_under`).
        tiling: How large images were cut into tiles; None for prediction files.
        measured_by: Protocol, command, versions and digests.
    """

    model_name: str
    weights: str
    runtime: str
    report: InstanceReport
    files: InstanceFiles
    slices: tuple[SlicedColumn, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    tiling: dict[str, Any] | None = None
    measured_by: Mapping[str, Any] = field(default_factory=dict)

    @property
    def per_image(self) -> tuple[str, ...]:
        """Files of the per-image table."""
        return self.files.per_image

    @property
    def pages(self) -> tuple[str, ...]:
        """Files of the report, as HTML and as Markdown."""
        return self.files.pages

    @cached_property
    def numbers(self) -> dict[str, Mapping[str, Any]]:
        """The values of the metrics table."""
        return instance_numbers(self.report)

    @property
    def complete(self) -> bool:
        """Whether every required value was reached."""
        return all(one.passed for one in self.thresholds)

    def as_dict(self) -> dict[str, Any]:
        """PaddleX's `metrics` (`AP`, of masks), and all further values."""
        values, numbers = self.report.as_dict(), dict(self.numbers)
        if self.files.temperature:
            numbers["calibration"] = {**numbers["calibration"], "file": self.files.temperature}
        return {
            "metrics": {"AP": values.pop("AP")},
            "interval": self.report.intervals.as_dict() if self.report.intervals.replicates else None,
            "empty_class_policy": EMPTY_CLASSES,
            "class_names": list(self.report.objects_by_class),
            "model_name": self.model_name,
            "weight_path": self.weights,
            "runtime": self.runtime,
            "tiles": self.tiling,
            "warnings": self.report.warnings,
            **numbers,
            "confusion_matrix": {"json": self.files.confusion_json, "png": self.files.confusion_png},
            "curves": self.files.curves,
            "curves_png": self.files.curves_png,
            "reliability": self.files.reliability,
            "per_image": list(self.files.per_image),
            "pages": list(self.files.pages),
            "slices": [one.as_dict() for one in self.slices],
            "fail_under": [one.as_dict() for one in self.thresholds],
            "provenance": provenance(instance_sources(), ["AP", "confusion_matrix", *numbers, *values]),
            **self.measured_by,
            **values,
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        report = self.report
        rows = [("model", self.model_name), ("weights", self.weights), ("runtime", self.runtime)]
        rows.append(("images", f"{report.images}, {sum(report.objects_by_class.values())} objects"))
        known = report.intervals.all
        most = report.limits.max_detections
        rows.append(("masks", _line(report.mask, {**known, "AR": known.get(f"AR_{most}")})))
        rows.append(("boxes", _line(report.box, {"AP": known.get("box_AP")})))
        if report.whole is not None:
            rows.append(("whole images", f"{_line(report.whole, {})}; tiles lose AP {shown(report.tile_loss)}"))
        if report.boundaries is not None:
            rows.append(("boundaries", _line(report.boundaries.summary(), {"AP": known.get("boundary_AP")})))
        rows += self._groups()
        for name, values in report.mask_by_class.items():
            rows.append((name, f"masks {_line(values, report.intervals.by_class.get(name, {}))}"))
        rows += [("note", note) for note in few_units(report.intervals.units, report.intervals.unit)]
        rows.append(("errors", _errors(self.numbers["errors"])))
        ece = shown(self.numbers["calibration"]["ECE"], known.get("ECE"))
        rows.append(("ECE", f"{ece} of the scores at IoU 0.5"))
        rows += [("warning", text) for text in report.warnings]
        return [*rows, *files_and_thresholds(self)]

    def _groups(self) -> list[tuple[str, str]]:
        """Rows of panoptic quality and of classes by frequency, where they were measured."""
        numbers, known = instance_headline(self.report), self.report.intervals.all
        rows = {"panoptic": ("PQ", "SQ", "RQ"), "frequency": tuple(f"AP_{group}" for group in GROUPS)}
        texts = {
            title: ", ".join(f"{name} {shown(numbers[name], known.get(name))}" for name in names if name in numbers)
            for title, names in rows.items()
        }
        return [(title, text) for title, text in texts.items() if text]


def write_instance_files(report: InstanceReport, table: Table, folder: Path) -> InstanceFiles:
    """Writes the per-image table, the curves, the confusion matrix and the reliability curve."""
    numbers, image, lines, drawn = (
        folder / name for name in ("confusion_matrix.json", "confusion_matrix.png", "curves.json", CURVES_PNG)
    )
    matrix = object_confusion(report.masks, best_thresholds(report.masks))
    names = ClassMap((*report.masks.classes.names, NO_OBJECT))
    about = {"class_names": list(names), "rows": "truth", "columns": "prediction", "IoU": 0.5}
    write_json_atomic(numbers, {**about, "objects": matrix.tolist()})
    draw_confusion(matrix, names, image, counted="objects")
    curves = curves_as_dict(report.masks)
    write_json_atomic(lines, {"IoU": 0.5, "classes": curves})
    draw_score_curves(curves, report.objects_by_class, drawn)
    calibration, reliability = object_calibration(report.masks), folder / RELIABILITY_FILE
    draw_reliability(calibration["curve"], calibration["ECE"], reliability)
    tables = write_table(table, folder / "per_image")
    return InstanceFiles(tables, str(lines), str(drawn), str(numbers), str(image), str(reliability))


def _line(values: AveragePrecision, intervals: Mapping[str, Interval | None]) -> str:
    numbers = {"AP": values.AP, "AP50": values.AP50, "AP75": values.AP75, "AR": values.AR_100}
    return ", ".join(
        f"{name} {'-' if value is None else shown(value, intervals.get(name))}" for name, value in numbers.items()
    )


def _errors(errors: Mapping[str, Any]) -> str:
    """Kinds of error, the one that costs most AP50 first."""
    gains = {name: gain for name, gain in errors["AP50_gain"].items() if name in errors["counts"] and gain is not None}
    costly = sorted(gains, key=lambda name: -gains[name])
    return ", ".join(f"{name} {errors['counts'][name]} (AP50 -{gains[name]:.3f})" for name in costly) or "none"
