"""From paths to configurations that measure the same images in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.keys import meanings
from segcli.config.load import load_config
from segcli.config.schema import Config
from segcli.errors import UsageError
from segcli.implied import RUN_CONFIG, model_in, model_to_check
from segcli.models.card import ModelCard
from segcli.models.table import get_spec
from segcli.models.task import Task

PROTOCOL = (
    "absent_class",
    "sliding_window",
    "boundary_iou",
    "surface_tolerance",
    "max_detections",
    "size_borders",
    "panoptic_score",
)
"""Keys of `Evaluate` that change numbers; they must agree."""
_WEIGHTS = (".pdparams", ".safetensors")


@dataclass(frozen=True)
class Named:
    """One path of a contender and the configuration that measures it."""

    path: Path
    config: Config


def open_contenders(
    groups: Sequence[Sequence[str]], dataset: str | None, overrides: Sequence[str], device: str | None = None
) -> list[list[Named]]:
    """The configurations of all paths.

    Args:
        groups: Per contender one path, or several of one kind (seeds): a training's folder, weights, an exported model,
            or predictions.
        dataset: Folder of the dataset; None takes the one that the trainings name.
        overrides: Texts ``key=value`` for all.
        device: Where networks run; None is each one's own.

    Raises:
        UsageError: A path is not there, no dataset is named, or data, task or protocol differ.
        ConfigError: A configuration or an override is wrong.
    """
    paths = [Path(path) for group in groups for path in group]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"there is no {missing[0]}", hint="name folders of trainings, weights, exports or predictions")
    folder = dataset or _common_dataset(paths, overrides)
    found = [[Named(Path(path), _config(Path(path), folder, overrides, device)) for path in group] for group in groups]
    _require_same_protocol([one for group in found for one in group])
    return found


def _common_dataset(paths: Sequence[Path], overrides: Sequence[str]) -> str:
    """The dataset that the trainings name.

    Raises:
        UsageError: They name none, or several.
    """
    named: dict[Path, Path] = {}
    for path in paths:
        if (path / RUN_CONFIG).is_file():
            config = load_config(path / RUN_CONFIG, overrides, {"Global.mode": ("segcli compare", "evaluate")}).config
            if config.Global.dataset_dir is not None:
                named.setdefault(Path(config.Global.dataset_dir).resolve(), path)
    if not named:
        raise UsageError("no dataset is named", hint="add --dataset DATASET")
    if len(named) > 1:
        (first, one), (second, other), *_ = named.items()
        raise UsageError(
            f"the data differ: {one} was trained for {first}, {other} for {second}",
            hint=f"add --dataset {first} to measure all of them there",
        )
    return str(next(iter(named)))


def _config(path: Path, dataset: str, overrides: Sequence[str], device: str | None) -> Config:
    origin = "segcli compare"
    options: dict[str, tuple[str, Any]] = {
        "Global.mode": (origin, "evaluate"),
        "Global.dataset_dir": ("--dataset", dataset),
    }
    if device is not None:
        options["Global.device"] = ("--device", device)
    if (path / RUN_CONFIG).is_file():
        return load_config(path / RUN_CONFIG, overrides, options).config
    options |= _of_weights(path) or {
        **model_to_check(dataset, None, None),
        "Evaluate.predictions": (str(path), str(path)),
    }
    return load_config(None, overrides, options).config


def _of_weights(path: Path) -> dict[str, tuple[str, Any]] | None:
    """The model and the weights of a file or folder; None where it holds predictions."""
    exported = model_in(str(path))
    if exported is not None:
        return {"Global.model": (str(path), exported), "Evaluate.weight_path": (str(path), str(path))}
    file = path
    if path.is_dir():
        inside = sorted(one for suffix in _WEIGHTS for one in path.glob(f"*{suffix}"))
        if not inside:
            return None
        file = inside[0]
    if file.suffix not in _WEIGHTS:
        return None
    card = ModelCard.beside(file)
    if card is None:
        raise UsageError("has no card beside it that names its model", path=file, hint="name the training's folder")
    return {"Global.model": (str(path), card.model_name), "Evaluate.weight_path": (str(path), str(file))}


def protocol_of(config: Config) -> dict[str, Any]:
    """The keys of `PROTOCOL` that the model's task reads, with their values."""
    model = config.Global.model
    task = get_spec(model).task
    known = {name for name, meaning in meanings().items() if "evaluate" in meaning.modes(model, task)}
    read = [key for key in PROTOCOL if any(f"{name}.".startswith(f"Evaluate.{key}.") for name in known)]
    return {key: getattr(config.Evaluate, key) for key in read}


def _require_same_protocol(found: Sequence[Named]) -> None:
    tasks = {get_spec(one.config.Global.model).task: one for one in found}
    if len(tasks) > 1:
        listed = ", ".join(f"{one.path} is {task.value}" for task, one in tasks.items())
        raise UsageError(f"models of different tasks cannot be compared: {listed}")
    if Task.PROMPTABLE in tasks:
        raise UsageError("promptable models are not compared yet", hint="segcli evaluate measures each, with intervals")
    first = found[0]
    for key in protocol_of(first.config):
        for other in found[1:]:
            ours, theirs = (getattr(one.config.Evaluate, key) for one in (first, other))
            if ours != theirs:
                raise UsageError(
                    f"the protocol differs: Evaluate.{key} is {ours} for {first.path} and {theirs} for {other.path}",
                    hint=f"measure all alike, such as with -o Evaluate.{key}={ours}",
                )
