"""Turns paths into configurations that evaluate the same images in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.load import load_config
from segcli.config.schema import Config
from segcli.errors import UsageError
from segcli.implied import RUN_CONFIG, model_in, model_to_check
from segcli.models.card import ModelCard
from segcli.models.table import get_spec
from segcli.steps.evaluate.protocol import protocol_of
from segcli.weights.guest_home import named_folder

_WEIGHTS = (".pdparams", ".safetensors")


@dataclass(frozen=True)
class Named:
    """One path of a contender and the configuration that measures it."""

    path: Path
    config: Config


@dataclass(frozen=True)
class NamedGroup:
    """A contender.

    Attributes:
        name: Its path, or its paths.
        runs: One run, one per seed, or one per fold.
        folds: Whether they are the folds of a cross-validation.
    """

    name: str
    runs: Sequence[Named]
    folds: bool = False


def folds_in(path: Path) -> list[Path]:
    """The trainings of the folds in the folder of a cross-validation, in order; empty for any other folder."""
    found = [one for one in path.glob("fold_*") if (one / RUN_CONFIG).is_file()]
    return sorted(found, key=lambda one: int(one.name.removeprefix("fold_")))


def open_contenders(
    groups: Sequence[Sequence[str]], dataset: str | None, overrides: Sequence[str], device: str | None = None
) -> list[NamedGroup]:
    """The configurations of all paths.

    Args:
        groups: One path per contender, or several runs that differ only in their seed: the folder of a training or of
            a cross-validation, weights, an exported model, or predictions.
        dataset: Folder of the dataset; None uses the one that the trainings name.
        overrides: Settings ``key=value`` for all contenders.
        device: Device of the networks; None uses that of each configuration.

    Raises:
        UsageError: A path does not exist, no dataset is given, or data, task or protocol differ.
        ConfigError: A configuration or an override is wrong.
    """
    parted = [[part for path in group for part in _parts(Path(path))] for group in groups]
    folds = [any(folds_in(Path(path)) for path in group) for group in groups]
    paths = [path for group in parted for path in group]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"{missing[0]} does not exist", hint="name trainings, weights, exports or predictions")
    folder = dataset or _common_dataset(paths, overrides)
    found = [
        NamedGroup(" + ".join(group), [Named(path, _config(path, folder, overrides, device)) for path in parts], whole)
        for group, parts, whole in zip(groups, parted, folds, strict=True)
    ]
    _require_same_protocol([one for group in found for one in group.runs])
    return found


def _parts(path: Path) -> Sequence[Path]:
    """The folds of a cross-validation, else the path, or the folder of the imported model of that name."""
    return folds_in(path) or [named_folder(path)]


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
        raise UsageError("no dataset is given", hint="add --dataset DATASET")
    if len(named) > 1:
        (first, one), (second, other), *_ = named.items()
        raise UsageError(
            f"the datasets differ: {one} was trained on {first}, {other} on {second}",
            hint=f"add --dataset {first} to evaluate all of them on it",
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
        raise UsageError("has no model card beside it", path=file, hint="name the training's folder")
    return {"Global.model": (str(path), card.model_name), "Evaluate.weight_path": (str(path), str(file))}


def _require_same_protocol(found: Sequence[Named]) -> None:
    tasks = {get_spec(one.config.Global.model).task: one for one in found}
    if len(tasks) > 1:
        listed = ", ".join(f"{one.path} is {task.value}" for task, one in tasks.items())
        raise UsageError(f"models of different tasks cannot be compared: {listed}")
    first = found[0]
    for key in protocol_of(first.config):
        for other in found[1:]:
            first_value, other_value = (getattr(one.config.Evaluate, key) for one in (first, other))
            if first_value != other_value:
                raise UsageError(
                    f"the protocol differs: Evaluate.{key} is {first_value} for {first.path} "
                    f"and {other_value} for {other.path}",
                    hint=f"use one value for all, such as -o Evaluate.{key}={first_value}",
                )
