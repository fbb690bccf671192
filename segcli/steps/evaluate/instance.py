"""Measures an instance model: trained weights, an exported one, or predictions in files."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.instances import CocoDataset
from segcli.metrics.instance_images import image_table
from segcli.metrics.instance_intervals import instance_intervals
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.instance_result import InstanceEvaluateResult, write_instance_files
from segcli.steps.evaluate.subjects import open_objects

log = logging.getLogger("segcli.evaluate")


def evaluate_instance(config: Config) -> InstanceEvaluateResult:
    """Measures `Evaluate.weight_path` on the validation part of the dataset; see `segcli.steps.evaluate.command`."""
    with open_objects(config) as subject:
        report = subject.measure(config)
    names = image_names(subject.dataset)
    groups = groups_of([names[image_id] for image_id in report.image_ids], config)
    report = replace(report, intervals=instance_intervals(report, config.Evaluate.bootstrap, groups))
    for warning in report.warnings:
        log.warning("%s", warning)
    files = write_instance_files(report, image_table(report, names, groups), Path(config.Global.output))
    return InstanceEvaluateResult(subject.name, str(subject.source), subject.runtime, report, files)


def image_names(dataset: CocoDataset) -> dict[int, str]:
    """Name of each image of the validation part by its id."""
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    return {sample.image_id: name for sample, name in zip(dataset.val, names, strict=True)}
