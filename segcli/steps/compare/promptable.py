"""Evaluates one path of a comparison of promptable models."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import numpy as np

from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.metrics.comparison import Run
from segcli.metrics.promptable_images import click_replicates
from segcli.metrics.promptable_measure import label_texts
from segcli.metrics.promptable_scores import BOX
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.text_predictor import TextPredictor
from segcli.steps.compare.contenders import Named
from segcli.steps.compare.measured import MeasuredRun, replicate_count
from segcli.steps.compare.semantic import measured_labels
from segcli.steps.evaluate.drawings import draw_named, draw_promptable
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.promptable import measure_click_report, measure_text_report, open_promptable_of


def compare_promptable(named: Named, _: ExitStack) -> MeasuredRun:
    """Evaluates a path."""
    config = named.config
    predictor = open_promptable_of(config)[0]
    if not isinstance(predictor, SamPredictor):
        return _texts(named, predictor)
    dataset = open_instance_dataset(config.Global.dataset)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    report = measure_click_report(predictor, dataset, config)
    groups = groups_of([names[place] for place in report.by_image], config)
    samples = dict(zip(names, dataset.val, strict=True))
    by_image = {names[place]: counts.ious[BOX] for place, counts in report.by_image.items()}
    return MeasuredRun(
        Run(str(named.path), report.totals(), {}, click_replicates(report, replicate_count(config), groups)),
        dataset.classes.names,
        {name: float(np.mean(by_image[name])) if by_image.get(name) else None for name in names},
        lambda name: draw_promptable(predictor, samples[name]),
        main="miou_box",
        score="IoU",
    )


def _texts(named: Named, predictor: TextPredictor) -> MeasuredRun:
    config = named.config
    dataset = open_seg_dataset(config.Global.dataset)
    report = measure_text_report(predictor, dataset, config).labels
    texts = label_texts(dataset.classes.names, config.Predict.promptable.background)
    draw = partial(draw_named, predictor, classes=dataset.classes, texts=texts)
    return measured_labels(named, report, dataset, draw)
