"""Evaluates a promptable model: trained weights or an exported model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from segcli.config.image_range import learnt_range
from segcli.config.schema import Config
from segcli.data.decoding.used_range import set_image_range
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.instances import CocoDataset
from segcli.data.samples import SegDataset
from segcli.metrics.intervals import Intervals, few_units, shown
from segcli.metrics.promptable_images import click_intervals, prompt_table
from segcli.metrics.promptable_measure import ClickReport, TextReport, measure_clicks, measure_texts
from segcli.metrics.promptable_scores import NUM_CLICKS
from segcli.metrics.semantic_images import image_table
from segcli.metrics.semantic_report import semantic_intervals
from segcli.models.table import get_spec
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.text_predictor import TextPredictor
from segcli.steps.evaluate.image_file import Table, write_table
from segcli.steps.evaluate.images import groups_of, names_below
from segcli.steps.evaluate.open_model import measured_source
from segcli.steps.evaluate.page import write_pages
from segcli.steps.evaluate.promptable_page import promptable_page
from segcli.steps.evaluate.protocol import label_digests, measured_by, object_digests
from segcli.steps.evaluate.result import files_and_thresholds
from segcli.steps.evaluate.thresholds import Threshold, thresholds_of
from segcli.steps.predict.open_promptable import open_promptable


@dataclass(frozen=True)
class PromptableEvaluateResult:
    """The outcome of an evaluation.

    Attributes:
        model_name: The model.
        weights: What was measured: a weight file, or the folder of an exported model.
        runtime: The runtime that ran it.
        report: The metrics.
        per_image: Files of the table of prompts (SAM) or of images (LSeg).
        pages: Files of the report, as HTML and as Markdown.
        thresholds: Required values (`Evaluate.fail_under`).
        measured_by: Protocol, command, versions and digests.
    """

    model_name: str
    weights: str
    runtime: str
    report: ClickReport | TextReport
    per_image: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    measured_by: Mapping[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every required value was reached."""
        return all(one.passed for one in self.thresholds)

    @property
    def intervals(self) -> Intervals:
        """Bootstrap confidence intervals of the metrics."""
        return self.report.intervals if isinstance(self.report, ClickReport) else self.report.labels.intervals

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        about = {"model_name": self.model_name, "weight_path": self.weights, "runtime": self.runtime}
        interval = self.intervals.as_dict() if self.intervals.replicates else None
        files = {"per_image": list(self.per_image), "pages": list(self.pages)}
        required = {"fail_under": [one.as_dict() for one in self.thresholds]}
        found = {
            "metrics": self.report.totals(),
            "interval": interval,
            **self.report.as_dict(),
            **about,
            **files,
            **required,
        }
        return {**found, **self.measured_by}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name), ("weights", self.weights), ("runtime", self.runtime)]
        rows.append(("images", str(self.report.images)))
        totals = self.report.totals()
        rows += [(name, shown(value, self.intervals.all.get(name))) for name, value in totals.items()]
        rows += [("note", note) for note in few_units(self.intervals.units, self.intervals.unit)]
        return [*rows, *files_and_thresholds(self)]


def evaluate_promptable(config: Config) -> PromptableEvaluateResult:
    """Measures `Evaluate.weight_path` on the validation split.

    SAM is prompted with clicks and boxes of the objects of a COCO dataset, LSeg with the class names of a SegDataset.

    Raises:
        ConfigError: There is no dataset.
        UsageError: There are no weights, or `Evaluate.fail_under` names what is not measured.
        WeightsError: They cannot be opened.
        DatasetError: The dataset has faults.
    """
    predictor, name, runtime = open_promptable_of(config)
    measured = _clicks(predictor, config) if isinstance(predictor, SamPredictor) else _texts(predictor, config)
    report, table, data = measured
    source = measured_source(config)
    output, how = Path(config.Global.output), measured_by(config, runtime, source, data)
    facts = [("model", name), ("weights", str(source)), ("runtime", runtime), ("data", str(config.Global.dataset))]
    facts += [("images", str(report.images)), ("command", how["command"])]
    return PromptableEvaluateResult(
        name,
        str(source),
        runtime,
        report,
        per_image=write_table(table, output / "per_image"),
        pages=write_pages(promptable_page(f"{name} on {config.Global.dataset}", report, facts, table), output, {}),
        thresholds=thresholds_of(config.Evaluate.fail_under, report.totals()),
        measured_by=how,
    )


def open_promptable_of(config: Config) -> tuple[SamPredictor | TextPredictor, str, str]:
    """The promptable model that `Evaluate.weight_path` names, its name, and its runtime.

    Raises:
        UsageError: There are no weights.
        WeightsError: They cannot be opened.
    """
    spec, source = get_spec(config.Global.model), measured_source(config)
    where, strict = config.Global.device, config.Global.strict_device
    opened = open_promptable(spec, source, runtime=config.Evaluate.runtime, device=where, strict=strict)
    set_image_range(learnt_range(opened.described.preprocess, config))
    predictor = opened.predictor(None)
    return predictor, opened.described.title, opened.runtime


def measure_click_report(predictor: SamPredictor, dataset: CocoDataset, config: Config) -> ClickReport:
    """Evaluates with clicks and boxes of the objects of a COCO dataset, by the protocol of `config`."""
    settings = config.Evaluate
    clicks, log_interval = settings.noc_clicks or NUM_CLICKS, settings.log_interval
    return measure_clicks(predictor, dataset.val, most_clicks=clicks, log_interval=log_interval)


def measure_text_report(predictor: TextPredictor, dataset: SegDataset, config: Config) -> TextReport:
    """Evaluates with the class names of a SegDataset as prompts, by the protocol of `config`."""
    return measure_texts(
        predictor,
        dataset.val,
        dataset.classes,
        background=config.Predict.promptable.background,
        absent_class=config.Evaluate.absent_class,
        log_interval=config.Evaluate.log_interval,
    )


def _clicks(predictor: SamPredictor, config: Config) -> tuple[ClickReport, Table, dict[str, str]]:
    dataset, settings = open_instance_dataset(config.Global.dataset), config.Evaluate
    report = measure_click_report(predictor, dataset, config)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of([names[place] for place in report.by_image], config)
    intervals = click_intervals(report, settings.bootstrap, groups)
    digests = object_digests(names, dataset.val)
    return replace(report, intervals=intervals), prompt_table(report, names), digests


def _texts(predictor: TextPredictor, config: Config) -> tuple[TextReport, Table, dict[str, str]]:
    dataset, settings = open_seg_dataset(config.Global.dataset), config.Evaluate
    report = measure_text_report(predictor, dataset, config)
    names = names_below(dataset.root, (sample.image for sample in dataset.val))
    groups = groups_of(names, config)
    intervals = semantic_intervals(report.labels.counts, settings.absent_class, settings.bootstrap, groups)
    report = replace(report, labels=replace(report.labels, intervals=intervals))
    return report, image_table(report.labels, names, groups), label_digests(names, dataset.val)
