"""The one table of what differs between tasks.

A task is a row of parts, each named by where it lives (`"package.module:name"`), so that nothing heavy is imported
before it is needed. No other module asks which task it is serving: it takes the part from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any


class Task(str, Enum):
    """A segmentation task, by the name that PaddleX gives to its module."""

    SEMANTIC = "semantic_segmentation"
    INSTANCE = "instance_segmentation"
    PROMPTABLE = "open_vocabulary_segmentation"


@dataclass(frozen=True)
class TaskParts:
    """Where the parts of one task live.

    Attributes:
        dataset_type: PaddleX's name of the dataset layout, as written in `check_dataset_result.json`.
        engine: Class that builds networks and training sessions; see `segcli.engine.Engine`.
        checker: Function `(config) -> CheckResult` behind check_dataset; see `segcli.steps.check`.
        converter: Function `(dataset, settings) -> ConversionPlan` that plans the conversion of LabelMe data; see
            `segcli.steps.convert`.
        splitter: Function `(folder, shares, seed) -> SplitPlan` that plans a new division; see `segcli.steps.split`.
        evaluator: Function that measures a network on a dataset; see `segcli.steps.evaluate`.
        exporter: Function `(weights, folder, config) -> ExportResult` that writes an exported model; see
            `segcli.steps.export`.
        predictor: Class that turns pictures into results; see `segcli.steps.predict`.
        weight_file: Name of the weights inside `best_model/`, as PaddleX names it.
        score: Name of the metric by which the best checkpoint is chosen (higher is better).
    """

    dataset_type: str
    engine: str
    checker: str
    converter: str
    splitter: str
    evaluator: str
    exporter: str
    predictor: str
    weight_file: str
    score: str


TASKS: dict[Task, TaskParts] = {
    Task.SEMANTIC: TaskParts(
        dataset_type="SegDataset",
        engine="segcli.engines.paddleseg.engine:PaddleSegEngine",
        checker="segcli.steps.check.semantic:check_semantic",
        converter="segcli.steps.convert.to_seg:plan_seg",
        splitter="segcli.steps.split.seg:plan_seg_split",
        evaluator="segcli.steps.evaluate.semantic:evaluate_semantic",
        exporter="segcli.steps.export.semantic:export_semantic",
        predictor="segcli.steps.predict.semantic:SemanticPredictor",
        weight_file="model.pdparams",
        score="mIoU",
    ),
    Task.INSTANCE: TaskParts(
        dataset_type="COCOInstSegDataset",
        engine="segcli.engines.paddledet.engine:PaddleDetEngine",
        checker="segcli.steps.check.instance:check_instance",
        converter="segcli.steps.convert.to_coco:plan_coco",
        splitter="segcli.steps.split.coco:plan_coco_split",
        evaluator="segcli.steps.evaluate.instance:evaluate_instance",
        exporter="segcli.steps.export.instance:export_instance",
        predictor="segcli.steps.predict.instance:InstancePredictor",
        weight_file="best_model.pdparams",
        score="mask AP",
    ),
    Task.PROMPTABLE: TaskParts(
        # Segment Anything learns from outlined objects, LSeg from label maps: what differs is told by the model.
        dataset_type="COCOInstSegDataset",
        engine="segcli.engines.promptable.engine:PromptableEngine",
        checker="segcli.steps.check.promptable:check_promptable",
        converter="segcli.steps.convert.to_coco:plan_coco",
        splitter="segcli.steps.split.coco:plan_coco_split",
        evaluator="segcli.steps.evaluate.promptable:evaluate_promptable",
        exporter="segcli.steps.export.promptable:export_promptable",
        predictor="segcli.steps.predict.promptable:PromptablePredictor",
        weight_file="model.pdparams",
        score="mIoU",
    ),
}


def load_part(address: str) -> Any:
    """Imports and returns the object that `"package.module:name"` names."""
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)
