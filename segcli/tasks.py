"""Where the code is that differs between tasks.

A task is a row here, a row of plain facts in `segcli.models.task`, an engine, and one module of its short name in each
step (`segcli.steps.check.semantic`, ...). Other modules do not ask which task they serve: they take the part from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from segcli.lazy import load_object
from segcli.models.task import Task

if TYPE_CHECKING:
    from segcli.engine import Engine


class TaskParts(NamedTuple):
    """The code and files of a task.

    Attributes:
        dataset_type: PaddleX's name of the dataset layout, as written in `check_dataset_result.json`.
        layout: Name of the layout on disk: of the modules that convert to it and split it.
        engine: Where the class is that builds networks and training sessions; see `segcli.engine.Engine`.
        weight_file: Name of the weights inside `best_model/`, as PaddleX names it.
    """

    dataset_type: str
    layout: str
    engine: str
    weight_file: str


TASKS: dict[Task, TaskParts] = {
    Task.SEMANTIC: TaskParts(
        dataset_type="SegDataset",
        layout="masks",
        engine="segcli.engines.paddleseg.engine:PaddleSegEngine",
        weight_file="model.pdparams",
    ),
    Task.INSTANCE: TaskParts(
        dataset_type="COCOInstSegDataset",
        layout="coco",
        engine="segcli.engines.paddledet.engine:PaddleDetEngine",
        weight_file="best_model.pdparams",
    ),
    Task.PROMPTABLE: TaskParts(
        # Segment Anything learns from outlined objects, LSeg from label maps: the model's row says what differs.
        dataset_type="COCOInstSegDataset",
        layout="coco",
        engine="segcli.engines.promptable.engine:PromptableEngine",
        weight_file="model.pdparams",
    ),
}


def engine_of(task: Task) -> Engine:
    """The engine that serves a task; its library is imported when it is first used."""
    engine: Engine = load_object(TASKS[task].engine)()
    return engine


def step_part(step: str, task: Task) -> Any:
    """What a step needs of a task, by name: `segcli.steps.check.semantic:check_semantic`.

    Args:
        step: Package below `segcli.steps`; of `predict` the part is the predictor's class.
        task: The task.
    """
    name = task.facts.name
    part = f"{name.capitalize()}Predictor" if step == "predict" else f"{step.rpartition('.')[2]}_{name}"
    return load_object(f"segcli.steps.{step}.{name}:{part}")
