"""The one table of what differs between tasks.

A task is a row here, an engine, and one module of its short name in each step (`segcli.steps.check.semantic`, ...).
Other modules do not ask which task they serve: they take the part from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segcli.engine import Engine
from segcli.lazy import load_object
from segcli.models.task import Task


@dataclass(frozen=True)
class TaskParts:
    """What differs between tasks.

    Attributes:
        name: Short name: that of the task's modules in each step, and of its functions there (`check_semantic`).
        dataset_type: PaddleX's name of the dataset layout, as written in `check_dataset_result.json`.
        layout: Name of the layout on disk: of the modules that convert to it and split it.
        engine: Where the class is that builds networks and training sessions; see `segcli.engine.Engine`.
        weight_file: Name of the weights inside `best_model/`, as PaddleX names it.
        score: Name of the metric by which the best checkpoint is chosen (higher is better).
    """

    name: str
    dataset_type: str
    layout: str
    engine: str
    weight_file: str
    score: str


TASKS: dict[Task, TaskParts] = {
    Task.SEMANTIC: TaskParts(
        name="semantic",
        dataset_type="SegDataset",
        layout="masks",
        engine="segcli.engines.paddleseg.engine:PaddleSegEngine",
        weight_file="model.pdparams",
        score="mIoU",
    ),
    Task.INSTANCE: TaskParts(
        name="instance",
        dataset_type="COCOInstSegDataset",
        layout="coco",
        engine="segcli.engines.paddledet.engine:PaddleDetEngine",
        weight_file="best_model.pdparams",
        score="mask AP",
    ),
    Task.PROMPTABLE: TaskParts(
        # Segment Anything learns from outlined objects, LSeg from label maps: the model's row says what differs.
        name="promptable",
        dataset_type="COCOInstSegDataset",
        layout="coco",
        engine="segcli.engines.promptable.engine:PromptableEngine",
        weight_file="model.pdparams",
        score="mIoU",
    ),
}


def engine_of(task: Task) -> Engine:
    """The engine that serves a task; its library is imported when it is first used."""
    engine: Engine = load_object(TASKS[task].engine)()
    return engine


def step_part(step: str, task: Task) -> Any:
    """What does a step for a task: `segcli.steps.check.semantic:check_semantic`; of predict the predictor's class."""
    name = TASKS[task].name
    part = f"{name.capitalize()}Predictor" if step == "predict" else f"{step}_{name}"
    return load_object(f"segcli.steps.{step}.{name}:{part}")
