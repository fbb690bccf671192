"""`segcli.train`, `segcli.evaluate`, `segcli.export`, `segcli.predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from segcli.api.calls import Overrides, StrPath, Task, as_path, as_text, named_task, of_dataset, run
from segcli.implied import model_in, model_to_plan

if TYPE_CHECKING:
    from segcli.steps.evaluate.instance_result import InstanceEvaluateResult
    from segcli.steps.evaluate.promptable import PromptableEvaluateResult
    from segcli.steps.evaluate.result import EvaluateResult
    from segcli.steps.export.result import ExportResult
    from segcli.steps.predict.result import PredictResult
    from segcli.steps.train.result import TrainResult


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
    resume: bool = False,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> TrainResult:
    """Trains a model; what nobody sets is planned from the data, the device and the time.

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
        "Train.resume_path": ("resume", "last" if resume else None),
        **of_dataset(dataset, model, output),
    }
    named = {} if resume else model_to_plan(as_text(dataset), named_task(task), as_path(config))
    return cast("TrainResult", run("train", config, values, overrides, named))


def evaluate(
    dataset: StrPath | None = None,
    *,
    weights: StrPath | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    device: str | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> EvaluateResult | InstanceEvaluateResult | PromptableEvaluateResult:
    """Measures trained weights on the validation part, class by class.

    Args:
        dataset: Folder of the dataset; None is that of the training in `output`.
        weights: Trained weights or the folder of an exported model; None is the best of `output`.
        model: Name of the model; None is that of the training.
        output: Folder of a training; None is ``output``.
        device: ``auto`` (the default), ``cpu``, ``gpu:0``, ...
        config: YAML in PaddleX's structure; None is that of the training.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        UsageError: There are no weights.
        WeightsError: They cannot be opened, or their classes are not the dataset's.
        DatasetError: The dataset has faults.

    >>> import segcli
    >>> result = segcli.evaluate()  # of the training in the folder output
    >>> sorted(result.report.per_class())
    ['_background_', 'coin', 'leaf', 'tile']
    """
    values = {
        "Evaluate.weight_path": ("weights", as_text(weights)),
        "Global.device": ("device", device),
        **of_dataset(dataset, model, output),
    }
    return cast("EvaluateResult", run("evaluate", config, values, overrides))


def export(
    dataset: StrPath | None = None,
    *,
    weights: StrPath | None = None,
    formats: Sequence[str] | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> ExportResult:
    """Writes the inference model and compares it with the trained network on images of the dataset.

    Args:
        dataset: Folder of the dataset; None is that of the training in `output`.
        weights: Trained weights; None is the best of `output`.
        formats: Some of ``paddle``, ``onnx``, ``openvino``.
        model: Name of the model; None is that of the training.
        output: Folder of a training; None is ``output``.
        config: YAML in PaddleX's structure; None is that of the training.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        UsageError: There are no weights.
        ExportError: The model cannot be written, or disagrees with the trained one.

    >>> import segcli
    >>> result = segcli.export()  # of the training in the folder output
    >>> (result.folder / "inference.yml").is_file()
    True
    """
    values = {
        "Export.weight_path": ("weights", as_text(weights)),
        "Export.formats": ("formats", formats),
        **of_dataset(dataset, model, output),
    }
    return cast("ExportResult", run("export", config, values, overrides))


def predict(
    input: StrPath | Sequence[StrPath],
    *,
    model_dir: StrPath | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    save_dir: StrPath | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    runtime: str | None = None,
    threshold: float | None = None,
    prompts: Mapping[str, Any] | str | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> PredictResult:
    """Segments images with an exported model and writes label maps, overlays and JSON.

    `segcli.create_model` gives the results themselves, without files.

    Args:
        input: An image, folder, glob, list file, PDF, URL, or a list of these.
        model_dir: An exported model; None is that of the training in `output`.
        model: Name of the model; None is what `model_dir` or the training says.
        output: Folder of a training; None is ``output``.
        save_dir: Folder of the results; None is ``<output>/predict``.
        device: ``auto`` (the default), ``cpu``, ``gpu:0``, ...
        batch_size: Images at once.
        runtime: ``auto`` (the fastest that was proven), ``paddle``, ``onnxruntime``, ``openvino``.
        threshold: Smallest score of an object.
        prompts: Of a promptable model: ``{"box_prompt": [[x1, y1, x2, y2]]}`` and the like, or a file of prompts.
        config: YAML in PaddleX's structure; None is that of the training.
        overrides: Further keys of the configuration.

    Raises:
        ConfigError: An argument is wrong.
        UsageError: The folder holds another model, or none.
        InputError: There is no input, or none of it can be read.

    >>> import segcli
    >>> result = segcli.predict("data/images/0004.jpg")  # with the training in the folder output
    >>> result.predicted[0].size, sorted(result.predicted[0].files)
    ((192, 192), ['json', 'label_map', 'overlay'])
    """
    inputs = fspath(input) if isinstance(input, (str, PathLike)) else [fspath(one) for one in input]
    values = {
        "Predict.input": ("input", inputs),
        "Predict.model_dir": ("model_dir", as_text(model_dir)),
        "Predict.save_dir": ("save_dir", as_text(save_dir) or str(Path(output or "output") / "predict")),
        "Predict.batch_size": ("batch_size", batch_size),
        "Predict.runtime": ("runtime", runtime),
        "Predict.threshold": ("threshold", threshold),
        "Predict.prompts": ("prompts", prompts),
        "Global.device": ("device", device),
        **of_dataset(None, model or model_in(as_text(model_dir)), output),
    }
    return cast("PredictResult", run("predict", config, values, overrides))
