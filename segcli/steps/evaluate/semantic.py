"""Measures a semantic model: trained weights, an exported one, or predictions in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segcli.config.schema import Config
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import semantic_intervals
from segcli.steps.evaluate.image_file import write_table
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.result import EvaluateResult, write_confusion
from segcli.steps.evaluate.subjects import open_labels


def evaluate_semantic(config: Config) -> EvaluateResult:
    """Measures `Evaluate.weight_path` on the validation part of the dataset; see `segcli.steps.evaluate.command`."""
    settings = config.Evaluate
    with open_labels(config) as subject:
        report = subject.measure(config)
    dataset = subject.dataset
    output = Path(config.Global.output)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of(names, config)
    intervals = semantic_intervals(report.counts, report.absent_class, settings.bootstrap, groups)
    report = replace(report, intervals=intervals)
    matrix_json, matrix_png = write_confusion(report, output)
    return EvaluateResult(
        model_name=subject.name,
        weights=str(subject.source),
        runtime=subject.runtime,
        report=report,
        confusion_json=str(matrix_json),
        confusion_png=str(matrix_png),
        per_image=write_table(image_table(report, names, groups), output / "per_image"),
    )
