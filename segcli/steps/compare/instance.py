"""Evaluates one path of a comparison of instance models."""

from __future__ import annotations

from contextlib import ExitStack

from segcli.metrics.comparison import Run
from segcli.metrics.instance_images import image_table
from segcli.metrics.instance_intervals import instance_replicates
from segcli.metrics.object_curves import best_thresholds
from segcli.metrics.table import instance_headline
from segcli.steps.compare.contenders import Named
from segcli.steps.compare.measured import MeasuredRun, replicate_count
from segcli.steps.evaluate.drawings import draw_objects_of
from segcli.steps.evaluate.images import groups_of
from segcli.steps.evaluate.instance import image_names
from segcli.steps.evaluate.subjects import open_objects


def compare_instance(named: Named, stack: ExitStack) -> MeasuredRun:
    """Evaluates a path; its network stays open until the stack closes, to draw images."""
    config = named.config
    subject = stack.enter_context(open_objects(config))
    report, dataset = subject.measure(config), subject.dataset
    names = image_names(dataset)
    groups = groups_of([names[image_id] for image_id in report.image_ids], config)
    replicates = instance_replicates(report, replicate_count(config), groups)
    numbers = {name: value for name, value in instance_headline(report).items() if name in replicates.all}
    by_class = {name: one["mask"] for name, one in report.as_dict()["classes"].items()}
    samples = {names[sample.image_id]: sample for sample in dataset.val}
    least = best_thresholds(report.masks)
    return MeasuredRun(
        Run(str(named.path), numbers, by_class, replicates),
        dataset.classes.names,
        {row["image"]: row["F1"] for row in image_table(report, names)},
        lambda name: draw_objects_of(subject, samples[name], least),
        main="AP",
        score="F1",
    )
