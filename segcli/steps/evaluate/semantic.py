"""Measures a semantic model: trained weights or an exported one."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from segcli.config.image_range import learnt_range
from segcli.config.schema import Config
from segcli.data.used_range import set_image_range
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_measure import measure
from segcli.metrics.semantic_report import semantic_intervals
from segcli.metrics.table import BOUNDARY_IOU
from segcli.steps.evaluate.class_match import dataset_for
from segcli.steps.evaluate.image_file import write_table
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.result import EvaluateResult, write_confusion

log = logging.getLogger("segcli.evaluate")


def evaluate_semantic(config: Config) -> EvaluateResult:
    """Measures `Evaluate.weight_path` on the validation part of the dataset; see `segcli.steps.evaluate.command`."""
    from segcli.steps.evaluate.open_model import open_measured

    settings = config.Evaluate
    with open_measured(config) as model:
        dataset = dataset_for(model.class_names, model.source, config)
        set_image_range(learnt_range(model.preprocess, config))
        log.info("%s runs on %s", model.source, model.runtime)
        report = measure(
            model.forward,
            dataset.val,
            dataset.classes,
            model.preprocess,
            batch_size=min(settings.batch_size, model.batch_limit or settings.batch_size),
            absent_class=settings.absent_class,
            sliding_window=settings.sliding_window,
            input_size=model.input_size,
            metrics=(BOUNDARY_IOU,) if settings.boundary_iou else (),
            log_interval=settings.log_interval,
        )
    output = Path(config.Global.output)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of(names, config)
    intervals = semantic_intervals(report.counts, report.absent_class, settings.bootstrap, groups)
    report = replace(report, intervals=intervals)
    matrix_json, matrix_png = write_confusion(report, output)
    return EvaluateResult(
        model_name=model.model_name,
        weights=str(model.source),
        runtime=model.runtime,
        report=report,
        confusion_json=str(matrix_json),
        confusion_png=str(matrix_png),
        per_image=write_table(image_table(report, names, groups), output / "per_image"),
    )
