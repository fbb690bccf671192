"""What is assumed where a command or a call does not say it: the task, the model, the configuration of a training."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from segcli.models.task import Task

RUN_CONFIG = "config.yaml"
"""What `train` leaves in the output folder; later steps on the same folder start from it."""
OF_LAYOUT = "the folder's layout"
"""Origin of a model that stands for a task because of the files in the folder."""
Options = Mapping[str, tuple[str, Any]]
"""By key: the name by which the caller knows it, and its value."""


class TaskName(str, Enum):
    """The tasks that are planned, by their short names, as an option of commands takes them."""

    semantic = "semantic"
    instance = "instance"


def task_of(dataset: Path) -> TaskName:
    """Instance for a folder of COCO or YOLO files without the lists of a semantic dataset, else semantic."""
    if not dataset.is_dir() or any((dataset / name).is_file() for name in ("train.txt", "val.txt")):
        return TaskName.semantic
    from segcli.data.formats.coco_layout import coco_layouts
    from segcli.data.formats.yolo_layout import find_yolo

    has_objects = bool(coco_layouts(dataset)) or find_yolo(dataset) is not None
    return TaskName.instance if has_objects else TaskName.semantic


def task_in(dataset: Path, named: TaskName | None) -> Task:
    """The named task, or the one that the labels of a dataset are for."""
    return Task.named((named or task_of(dataset)).value)


def model_to_check(dataset: str | None, task: TaskName | None, config: Path | None) -> dict[str, tuple[str, Any]]:
    """The model that stands for a task where no configuration names one."""
    if config is not None:
        return {}
    origin = OF_LAYOUT if task is None else "--task"
    return {"Global.model": (origin, task_in(Path(dataset or "."), task).facts.large_model)}


def model_to_plan(dataset: str | None, task: TaskName | None, config: Path | None) -> dict[str, tuple[str, Any]]:
    """The model with which a plan begins."""
    if config is not None:
        return {}
    from segcli.config.schema import PLANNER

    return {"Global.model": (PLANNER, task_in(Path(dataset or "."), task).facts.small_model)}


def model_of_known_weights(weights: str | None) -> dict[str, tuple[str, Any]]:
    """The same as `model_of_weights`, for commands that need weights.

    Raises:
        WeightsError: There are none at the path, and no official ones and no imported model have this name.
    """
    from segcli.weights.guest_home import named_folder

    if weights is not None and not named_folder(Path(weights).expanduser()).exists():
        from segcli.weights.official import has_official_name, no_such_weights

        if "://" not in weights and not has_official_name(weights):
            raise no_such_weights(weights, "check the path; official names need --model NAME")
    return model_of_weights(weights)


def model_of_weights(weights: str | None) -> dict[str, tuple[str, Any]]:
    """The model of a weight file that a training left, by the card beside it, or of an exported model."""
    path = None if weights is None else Path(weights)
    if path is None or not path.is_file():
        exported = model_in(weights)
        return {} if exported is None else {"Global.model": ("--weights", exported)}
    from segcli.errors import WeightsError
    from segcli.models.card import ModelCard

    try:
        card = ModelCard.beside(path)
    except WeightsError:  # told when the weights are loaded
        return {}
    return {} if card is None else {"Global.model": ("--weights", card.model_name)}


def run_config(mode: str, options: Options) -> Path | None:
    """The configuration that a training left in the output folder, for the steps after it."""
    path = Path(options.get("Global.output", ("", "output"))[1]) / RUN_CONFIG
    goes_on = mode in ("evaluate", "export", "predict") or "Train.resume_path" in options
    if not goes_on or not path.is_file():
        return None
    model = options.get("Global.model", ("", None))[1]
    return path if model is None or model == _model_of(path) else None


def _model_of(path: Path) -> object:
    from segcli.config.yaml_text import read_yaml

    shared = read_yaml(path).values.get("Global")
    return shared.get("model") if isinstance(shared, dict) else None


def model_in(model_dir: str | None) -> str | None:
    """The name that an exported model carries; see `segcli.weights.guest_home.exported_in`."""
    if not model_dir:
        return None
    from segcli.weights.guest_home import MANIFEST, exported_in

    folder = exported_in(Path(model_dir))
    if not (folder / MANIFEST).is_file():
        return None
    from yaml import YAMLError

    from segcli.weights.manifest import read_manifest

    try:
        values = read_manifest(folder)
    except (OSError, ValueError, YAMLError):  # told when the model is opened
        return None
    carried = values.get("Global") if isinstance(values, dict) else None
    return str(carried["model_name"]) if isinstance(carried, dict) and "model_name" in carried else None
