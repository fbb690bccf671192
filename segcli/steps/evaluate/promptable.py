"""Measures a promptable model: trained weights or an exported one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segcli.config.schema import Config
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.device import available_device
from segcli.metrics.promptable_measure import ClickReport, TextReport, measure_clicks, measure_texts
from segcli.metrics.promptable_scores import NUM_CLICKS
from segcli.models.table import get_spec
from segcli.promptable.predictor import SamPredictor
from segcli.steps.evaluate.open_model import measured_source
from segcli.steps.predict.open_promptable import open_promptable


@dataclass(frozen=True)
class PromptableEvaluateResult:
    """The outcome of an evaluation.

    Attributes:
        model_name: The model.
        weights: What was measured: a weight file, or the folder of an exported model.
        runtime: What ran it.
        report: What was measured.
    """

    model_name: str
    weights: str
    runtime: str
    report: ClickReport | TextReport

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        about = {"model_name": self.model_name, "weight_path": self.weights, "runtime": self.runtime}
        return {"metrics": self.report.totals(), **self.report.as_dict(), **about}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name), ("weights", self.weights), ("runtime", self.runtime)]
        rows.append(("images", str(self.report.images)))
        totals = self.report.totals()
        return [*rows, *((name, "not defined" if value is None else f"{value:.4f}") for name, value in totals.items())]


def evaluate_promptable(config: Config) -> PromptableEvaluateResult:
    """Measures `Evaluate.weight_path` on the validation part.

    SAM's prompts are clicks and boxes of the objects of a COCO dataset, LSeg's are the class names of a SegDataset.

    Raises:
        ConfigError: There is no dataset.
        UsageError: There are no weights.
        WeightsError: They cannot be opened.
        DatasetError: The dataset has faults.
    """
    spec, folder, settings = get_spec(config.Global.model), config.Global.dataset, config.Evaluate
    source, strict = measured_source(config), config.Global.strict_device
    device = available_device(config.Global.device, strict=strict).partition(",")[0]
    opened = open_promptable(spec, source, runtime=settings.runtime, device=device, strict=strict)
    predictor = opened.predictor(None)
    report: ClickReport | TextReport
    if isinstance(predictor, SamPredictor):
        report = measure_clicks(
            predictor,
            open_instance_dataset(folder).val,
            most_clicks=settings.noc_clicks or NUM_CLICKS,
            log_interval=settings.log_interval,
        )
    else:
        dataset = open_seg_dataset(folder)
        report = measure_texts(
            predictor,
            dataset.val,
            dataset.classes,
            background=config.Predict.promptable.background,
            absent_class=settings.absent_class,
            log_interval=settings.log_interval,
        )
    return PromptableEvaluateResult(spec.name, str(source), opened.runtime, report)
