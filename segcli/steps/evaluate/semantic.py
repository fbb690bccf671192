"""Evaluates a semantic model: trained weights, an exported model, or prediction files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segcli.config.schema import Config
from segcli.inference.calibration_file import Calibration
from segcli.metrics.calibration import reliability_curve
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import SemanticReport, semantic_intervals
from segcli.metrics.slices import sliced
from segcli.report.reliability import RELIABILITY_FILE, draw_reliability
from segcli.steps.evaluate.drawings import draw_sample
from segcli.steps.evaluate.image_file import Table, write_table
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.own_columns import with_own_columns
from segcli.steps.evaluate.page import Gallery, galleries, sliced_columns, write_pages
from segcli.steps.evaluate.protocol import label_digests, measured_by
from segcli.steps.evaluate.result import EvaluateResult, write_confusion
from segcli.steps.evaluate.semantic_page import SCORE, semantic_page
from segcli.steps.evaluate.subjects import LabelSubject, open_labels
from segcli.steps.evaluate.thresholds import thresholds_of


def evaluate_semantic(config: Config) -> EvaluateResult:
    """Measures `Evaluate.weight_path` on the validation split of the dataset; see `segcli.steps.evaluate.command`."""
    with open_labels(config) as subject:
        report = subject.measure(config)
        dataset = subject.dataset
        names = names_below(dataset.root, (sample.image for sample in dataset.val))
        groups = groups_of(names, config)
        intervals = semantic_intervals(report.counts, report.absent_class, config.Evaluate.bootstrap, groups)
        report = replace(report, intervals=intervals)
        table, own = with_own_columns(image_table(report, names, groups), config.Evaluate.image_table)
        samples = dict(zip(names, dataset.val, strict=True))
        shown = galleries(table, SCORE, config.Evaluate.gallery, lambda name: draw_sample(subject, samples[name]))
    return _written_result(subject, report, table, shown, config, own=own)


def _written_result(
    subject: LabelSubject,
    report: SemanticReport,
    table: Table,
    shown: Sequence[Gallery],
    config: Config,
    *,
    own: Sequence[str],
) -> EvaluateResult:
    """Writes the files and returns the result, which names them."""
    output = Path(config.Global.output)
    matrix_json, matrix_png = write_confusion(report, output)
    columns = sliced(table, SCORE, sliced_columns(table, config.Evaluate.slice_by, own))
    names = names_below(subject.dataset.root, (sample.image for sample in subject.dataset.val))
    how = measured_by(config, subject.runtime, subject.source, label_digests(names, subject.dataset.val))
    calibration = _calibration(subject, report, output, how) if config.Evaluate.calibration else None
    facts = [("model", subject.name), ("weights", str(subject.source)), ("runtime", subject.runtime)]
    facts += [("data", str(subject.dataset.root)), ("images", str(report.images)), ("command", how["command"])]
    page = semantic_page(f"{subject.name} on {subject.dataset.root}", report, facts, columns, shown)
    plots = {"Confusion matrix": matrix_png}
    plots |= {} if calibration is None else {"Reliability": Path(calibration["reliability"])}
    return EvaluateResult(
        model_name=subject.name,
        weights=str(subject.source),
        runtime=subject.runtime,
        report=report,
        confusion_json=str(matrix_json),
        confusion_png=str(matrix_png),
        per_image=write_table(table, output / "per_image"),
        pages=write_pages(page, output, plots),
        slices=tuple(columns),
        tiling=None if subject.tiling is None else subject.tiling.as_dict(),
        thresholds=thresholds_of(config.Evaluate.fail_under, report.totals()),
        measured_by=how,
        calibration=calibration,
    )


def _calibration(subject: LabelSubject, report: SemanticReport, output: Path, how: Mapping[str, Any]) -> dict[str, Any]:
    """Draws the reliability curve, and saves the temperature for the export of these weights."""
    totals, drawn = report.totals(), output / RELIABILITY_FILE
    curve = reliability_curve(report.sums("ECE"))
    draw_reliability(curve, totals["ECE"], drawn)
    found: dict[str, Any] = {"ECE": totals["ECE"], "temperature": totals["temperature"], "curve": curve}
    temperature = totals["temperature"]
    if subject.sha256 and temperature is not None:
        kept = Calibration(subject.sha256, temperature, report.images, how["digests"]["data"]).save(output)
        found["file"] = str(kept)
    return {**found, "reliability": str(drawn)}
