"""Evaluates one path of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from segcli.config.schema import Config
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.metrics.comparison import Run
from segcli.metrics.instance_images import image_table as object_table
from segcli.metrics.instance_intervals import instance_replicates
from segcli.metrics.object_curves import best_thresholds
from segcli.metrics.promptable_images import click_replicates
from segcli.metrics.promptable_measure import label_texts
from segcli.metrics.promptable_scores import BOX
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import semantic_replicates
from segcli.metrics.table import instance_headline
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.text_predictor import TextPredictor
from segcli.steps.compare.contenders import Named
from segcli.steps.evaluate.drawings import ImagePanels, draw_named, draw_objects_of, draw_prompted, draw_sample
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.instance import image_names
from segcli.steps.evaluate.promptable import measure_click_report, measure_text_report, open_prompted
from segcli.steps.evaluate.subjects import open_labels, open_objects


@dataclass(frozen=True)
class MeasuredRun:
    """One measurement.

    Attributes:
        run: Its metrics and their bootstrap replicates.
        classes: Names of the classes.
        scores: Score of each image by name; None if not defined.
        draw: Draws an image by its name.
        main: Name of the metric by which models are compared.
        score: Name of the per-image score.
    """

    run: Run
    classes: tuple[str, ...]
    scores: dict[str, float | None]
    draw: Callable[[str], ImagePanels]
    main: str
    score: str


def measure_run(named: Named, stack: ExitStack) -> MeasuredRun:
    """Evaluates a path; its network stays open until the stack closes, to draw images."""
    by_task = {Task.SEMANTIC: _semantic, Task.INSTANCE: _instance, Task.PROMPTABLE: _promptable}
    return by_task[get_spec(named.config.Global.model).task](named, stack)


def _semantic(named: Named, stack: ExitStack) -> MeasuredRun:
    config = named.config
    subject = stack.enter_context(open_labels(config))
    report, dataset = subject.measure(config), subject.dataset
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    replicates = semantic_replicates(report.counts, report.absent_class, _count(config), groups_of(names, config))
    samples = dict(zip(names, dataset.val, strict=True))
    return MeasuredRun(
        Run(str(named.path), report.totals(), report.per_class(), replicates),
        dataset.classes.names,
        {row["image"]: row["mIoU"] for row in image_table(report, names)},
        lambda name: draw_sample(subject, samples[name]),
        main="mIoU",
        score="mIoU",
    )


def _instance(named: Named, stack: ExitStack) -> MeasuredRun:
    config = named.config
    subject = stack.enter_context(open_objects(config))
    report, dataset = subject.measure(config), subject.dataset
    names = image_names(dataset)
    groups = groups_of([names[image_id] for image_id in report.image_ids], config)
    replicates = instance_replicates(report, _count(config), groups)
    numbers = {name: value for name, value in instance_headline(report).items() if name in replicates.all}
    by_class = {name: one["mask"] for name, one in report.as_dict()["classes"].items()}
    samples = {names[sample.image_id]: sample for sample in dataset.val}
    least = best_thresholds(report.masks)
    return MeasuredRun(
        Run(str(named.path), numbers, by_class, replicates),
        dataset.classes.names,
        {row["image"]: row["F1"] for row in object_table(report, names)},
        lambda name: draw_objects_of(subject, samples[name], least),
        main="AP",
        score="F1",
    )


def _promptable(named: Named, _: ExitStack) -> MeasuredRun:
    config = named.config
    predictor = open_prompted(config)[0]
    if not isinstance(predictor, SamPredictor):
        return _texts(named, predictor)
    dataset = open_instance_dataset(config.Global.dataset)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    report = measure_click_report(predictor, dataset, config)
    groups = groups_of([names[place] for place in report.by_image], config)
    samples = dict(zip(names, dataset.val, strict=True))
    by_image = {names[place]: counts.ious[BOX] for place, counts in report.by_image.items()}
    return MeasuredRun(
        Run(str(named.path), report.totals(), {}, click_replicates(report, _count(config), groups)),
        dataset.classes.names,
        {name: float(np.mean(by_image[name])) if by_image.get(name) else None for name in names},
        lambda name: draw_prompted(predictor, samples[name]),
        main="miou_box",
        score="IoU",
    )


def _texts(named: Named, predictor: TextPredictor) -> MeasuredRun:
    config = named.config
    dataset = open_seg_dataset(config.Global.dataset)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    labels = measure_text_report(predictor, dataset, config).labels
    replicates = semantic_replicates(labels.counts, labels.absent_class, _count(config), groups_of(names, config))
    samples = dict(zip(names, dataset.val, strict=True))
    texts = label_texts(dataset.classes.names, config.Predict.promptable.background)
    return MeasuredRun(
        Run(str(named.path), labels.totals(), labels.per_class(), replicates),
        dataset.classes.names,
        {row["image"]: row["mIoU"] for row in image_table(labels, names)},
        lambda name: draw_named(predictor, samples[name], dataset.classes, texts),
        main="mIoU",
        score="mIoU",
    )


def _count(config: Config) -> int:
    """Number of bootstrap replicates; 1000 where they are switched off, since a verdict needs them."""
    return config.Evaluate.bootstrap or 1000
