"""Evaluates one path of a comparison of semantic models."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from segcli.data.samples import SegDataset, SegSample
from segcli.metrics.comparison import Run
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import SemanticReport, semantic_replicates
from segcli.steps.compare.contenders import Named
from segcli.steps.compare.measured import MeasuredRun, replicate_count
from segcli.steps.evaluate.drawings import ImagePanels, draw_sample
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.subjects import open_labels


def compare_semantic(named: Named, stack: ExitStack) -> MeasuredRun:
    """Evaluates a path; its network stays open until the stack closes, to draw images."""
    config = named.config
    subject = stack.enter_context(open_labels(config))
    report, dataset = subject.measure(config), subject.dataset
    return measured_labels(named, report, dataset, partial(draw_sample, subject))


def measured_labels(
    named: Named, report: SemanticReport, dataset: SegDataset, draw: Callable[[SegSample], ImagePanels]
) -> MeasuredRun:
    """The measurements of a path whose predictions are label maps, whatever made them.

    Args:
        named: The path.
        report: Measured on the validation split.
        dataset: The dataset of the split.
        draw: Draws a sample.
    """
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of(names, named.config)
    replicates = semantic_replicates(report.counts, report.absent_class, replicate_count(named.config), groups)
    samples = dict(zip(names, dataset.val, strict=True))
    return MeasuredRun(
        Run(str(named.path), report.totals(), report.per_class(), replicates),
        dataset.classes.names,
        {row["image"]: row["mIoU"] for row in image_table(report, names)},
        lambda name: draw(samples[name]),
        main="mIoU",
        score="mIoU",
    )
