"""`segcli.train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, overload

from segcli.api.calls import Overrides, StrPath, Task, as_path, as_text, named_task, of_dataset, run
from segcli.implied import model_of_weights, model_to_plan

if TYPE_CHECKING:
    from segcli.steps.train.folds import FoldsResult
    from segcli.steps.train.result import TrainResult


@overload
def train(
    dataset: StrPath | None = None,
    *,
    task: Task | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    device: str | None = None,
    time: str | None = None,
    epochs_iters: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weights: StrPath | None = None,
    folds: None = None,
    resume: bool = False,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> TrainResult: ...


@overload
def train(
    dataset: StrPath | None = None,
    *,
    task: Task | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    device: str | None = None,
    time: str | None = None,
    epochs_iters: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weights: StrPath | None = None,
    folds: int,
    resume: bool = False,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> FoldsResult: ...


def train(
    dataset: StrPath | None = None,
    *,
    task: Task | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    device: str | None = None,
    time: str | None = None,
    epochs_iters: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weights: StrPath | None = None,
    folds: int | None = None,
    resume: bool = False,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> TrainResult | FoldsResult:
    """Trains a model; settings that are not given are planned from the data, the device and the time.

    Args:
        dataset: Folder of the dataset.
        task: What the labels are for; None is what the folder holds.
        model: A name of `segcli.models.names.MODEL_TASKS`; None leaves the choice to the plan.
        output: Folder of the training; None is ``output``.
        device: ``auto`` (the default), ``cpu``, ``gpu``, ``gpu:0,1``, ...
        time: How long it may take, such as ``10m``.
        epochs_iters: Iterations of semantic models, epochs of the others.
        batch_size: Images per step.
        learning_rate: Learning rate after the warm-up.
        weights: Weights to begin with: a file, an official name, a URL; None takes official ones, else random ones.
        folds: Number of folds of a cross-validation, whose result is a `FoldsResult`; None trains once.
        resume: Whether to go on from the newest checkpoint.
        config: YAML in PaddleX's structure.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        DatasetError: The dataset cannot be trained on.
        WeightsError: Pretrained weights, or the checkpoint to resume from, do not fit.
        TrainingError: The loss became NaN, or a process failed.
        Stopped: Ctrl-C ended it; a checkpoint was written.

    >>> import segcli
    >>> _ = segcli.convert("data")
    >>> result = segcli.train("data", model="UNet-S", epochs_iters=2, batch_size=2)
    >>> result.iterations, result.score_name
    (2, 'mIoU')
    """
    values = {
        "Global.device": ("device", device),
        "Train.time": ("time", time),
        "Train.epochs_iters": ("epochs_iters", epochs_iters),
        "Train.batch_size": ("batch_size", batch_size),
        "Train.learning_rate": ("learning_rate", learning_rate),
        "Train.pretrain_weight_path": ("weights", as_text(weights)),
        "Train.folds": ("folds", folds),
        "Train.resume_path": ("resume", "last" if resume else None),
        **of_dataset(dataset, model, output),
    }
    named = {} if resume else model_to_plan(as_text(dataset), named_task(task), as_path(config))
    named |= model_of_weights(as_text(weights) if config is None else None)
    return cast("TrainResult | FoldsResult", run("train", config, values, overrides, named))
