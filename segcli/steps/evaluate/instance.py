"""Evaluates an instance model: trained weights, an exported model, or prediction files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.instances import CocoDataset
from segcli.inference.calibration_file import Calibration
from segcli.metrics.frequency import Frequencies
from segcli.metrics.instance_images import image_table
from segcli.metrics.instance_intervals import instance_intervals
from segcli.metrics.instance_report import InstanceReport
from segcli.metrics.object_calibration import object_calibration
from segcli.metrics.object_curves import best_thresholds
from segcli.metrics.slices import sliced
from segcli.metrics.table import instance_headline
from segcli.steps.evaluate.drawings import draw_objects_of
from segcli.steps.evaluate.image_file import Table
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.instance_page import SCORE, instance_page
from segcli.steps.evaluate.instance_result import InstanceEvaluateResult, write_instance_files
from segcli.steps.evaluate.own_columns import with_own_columns
from segcli.steps.evaluate.page import Gallery, galleries, sliced_columns, write_pages
from segcli.steps.evaluate.protocol import command_of, measured_by, object_digests
from segcli.steps.evaluate.subjects import ObjectSubject, open_objects
from segcli.steps.evaluate.thresholds import thresholds_of

log = logging.getLogger("segcli.evaluate")


def evaluate_instance(config: Config) -> InstanceEvaluateResult:
    """Measures `Evaluate.weight_path` on the validation split of the dataset; see `segcli.steps.evaluate.command`."""
    with open_objects(config) as subject:
        report = subject.measure(config)
        names = image_names(subject.dataset)
        seen = Frequencies.of(subject.dataset.train, subject.dataset.classes, config.Evaluate.frequency_borders)
        report = replace(report, frequencies=seen)
        groups = groups_of([names[image_id] for image_id in report.image_ids], config)
        report = replace(report, intervals=instance_intervals(report, config.Evaluate.bootstrap, groups))
        table, own = with_own_columns(image_table(report, names, groups), config.Evaluate.image_table)
        samples = {names[sample.image_id]: sample for sample in subject.dataset.val}
        least = best_thresholds(report.masks)
        most = config.Evaluate.gallery
        shown = galleries(table, SCORE, most, lambda name: draw_objects_of(subject, samples[name], least))
    for warning in report.warnings:
        log.warning("%s", warning)
    return _written_result(subject, report, table, shown, config, own=own)


def _written_result(
    subject: ObjectSubject,
    report: InstanceReport,
    table: Table,
    shown: Sequence[Gallery],
    config: Config,
    *,
    own: Sequence[str],
) -> InstanceEvaluateResult:
    """Writes the files and returns the result, which names them."""
    output = Path(config.Global.output)
    files = write_instance_files(report, table, output)
    columns = sliced(table, SCORE, sliced_columns(table, config.Evaluate.slice_by, own))
    facts = [("model", subject.name), ("weights", str(subject.source)), ("runtime", subject.runtime)]
    facts += [("data", str(subject.dataset.root)), ("images", str(report.images))]
    facts.append(("command", command_of(config, subject.source)))
    page = instance_page(f"{subject.name} on {subject.dataset.root}", report, facts, columns, shown)
    plots = {
        "Precision, recall and F1": Path(files.curves_png),
        "Confusion matrix": Path(files.confusion_png),
        "Reliability": Path(files.reliability),
    }
    pages = write_pages(page, output, plots)
    digests = object_digests(image_names(subject.dataset).values(), subject.dataset.val)
    how = measured_by(config, subject.runtime, subject.source, digests)
    kept = _save_temperature(subject, report, output, how["digests"]["data"]) if config.Evaluate.calibration else ""
    return InstanceEvaluateResult(
        model_name=subject.name,
        weights=str(subject.source),
        runtime=subject.runtime,
        report=report,
        files=replace(files, pages=pages, temperature=kept),
        slices=tuple(columns),
        tiling=None if subject.tiling is None else subject.tiling.as_dict(),
        thresholds=thresholds_of(config.Evaluate.fail_under, instance_headline(report)),
        measured_by=how,
    )


def _save_temperature(subject: ObjectSubject, report: InstanceReport, output: Path, data_sha256: str) -> str:
    """Saves the temperature of the scores for the export of these weights; returns the file, empty if there is none."""
    found = object_calibration(report.masks, report.temperature)["temperature"]
    if found is None or not subject.sha256:
        return ""
    return str(Calibration(subject.sha256, found, report.images, data_sha256).save(output))


def image_names(dataset: CocoDataset) -> dict[int, str]:
    """Name of each image of the validation split by its id."""
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    return {sample.image_id: name for sample, name in zip(dataset.val, names, strict=True)}
