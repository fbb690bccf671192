"""Evaluates one path of a comparison of semantic models."""

from __future__ import annotations

from contextlib import ExitStack

from segcli.metrics.comparison import Run
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import semantic_replicates
from segcli.steps.compare.contenders import Named
from segcli.steps.compare.measured import MeasuredRun, replicate_count
from segcli.steps.evaluate.drawings import draw_sample
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.subjects import open_labels


def compare_semantic(named: Named, stack: ExitStack) -> MeasuredRun:
    """Evaluates a path; its network stays open until the stack closes, to draw images."""
    config = named.config
    subject = stack.enter_context(open_labels(config))
    report, dataset = subject.measure(config), subject.dataset
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of(names, config)
    replicates = semantic_replicates(report.counts, report.absent_class, replicate_count(config), groups)
    samples = dict(zip(names, dataset.val, strict=True))
    return MeasuredRun(
        Run(str(named.path), report.totals(), report.per_class(), replicates),
        dataset.classes.names,
        {row["image"]: row["mIoU"] for row in image_table(report, names)},
        lambda name: draw_sample(subject, samples[name]),
        main="mIoU",
        score="mIoU",
    )
