"""`segcli.evaluate`, `segcli.export`, `segcli.predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from segcli.api.calls import Overrides, StrPath, as_text, of_dataset, run
from segcli.implied import model_in, model_of_known_weights, model_to_check

if TYPE_CHECKING:
    from segcli.steps.evaluate.instance_result import InstanceEvaluateResult
    from segcli.steps.evaluate.promptable import PromptableEvaluateResult
    from segcli.steps.evaluate.result import EvaluateResult
    from segcli.steps.export.result import ExportResult
    from segcli.steps.predict.result import PredictResult


def evaluate(
    dataset: StrPath | None = None,
    *,
    weights: StrPath | None = None,
    predictions: StrPath | None = None,
    model: str | None = None,
    output: StrPath | None = None,
    device: str | None = None,
    config: StrPath | None = None,
    overrides: Overrides | None = None,
) -> EvaluateResult | InstanceEvaluateResult | PromptableEvaluateResult:
    """Measures trained weights, or predictions in files, on the validation split, class by class.

    Args:
        dataset: Folder of the dataset; None is that of the training in `output`.
        weights: Trained weights or the folder of an exported model; None is the best of `output`.
        predictions: Label maps, COCO results or YOLO files of any tool, which are measured instead of a model.
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
        "Evaluate.predictions": ("predictions", as_text(predictions)),
        "Global.device": ("device", device),
        **of_dataset(dataset, model, output),
    }
    unnamed = model is None and config is None
    implied = model_to_check(as_text(dataset), None, None) if unnamed and predictions is not None else {}
    implied |= model_of_known_weights(as_text(weights)) if unnamed else {}
    return cast("EvaluateResult", run("evaluate", config, values, overrides, implied))


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
    implied = model_of_known_weights(as_text(weights)) if model is None and config is None else {}
    return cast("ExportResult", run("export", config, values, overrides, implied))


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
    masks: Literal["compact", "full"] | None = None,
    skip_existing: bool = False,
    write: Sequence[str] | None = None,
    frame_step: int | None = None,
    prompts: Mapping[str, Any] | str | None = None,
    background: str | None = None,
    multimask: Literal["auto", "best", "all", "single"] | None = None,
    everything: bool = False,
    cache: StrPath | None = None,
    save: Sequence[Literal["overlay", "png", "labelme", "coco"]] | None = None,
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
        batch_size: Images per batch.
        runtime: ``auto`` (the fastest that was proven), ``paddle``, ``onnxruntime``, ``openvino``.
        threshold: Smallest score of an object.
        masks: Masks in the JSON: ``compact`` (the default), or ``full``: every pixel as in PaddleX.
        skip_existing: Whether to leave out images whose results are there.
        write: Files beside the JSON: ``label``, ``coco``, ``labelme``, ``yolo``, ``geojson``, ``confidence``,
            ``entropy``, ``overlay``; None writes those that are usual for the task.
        frame_step: Of a video or stream, take every so many frames one.
        prompts: Of a promptable model: ``{"box_prompt": [[x1, y1, x2, y2]]}`` and the like, or a file of prompts.
        background: Of a promptable model: text for all that no prompt names.
        multimask: Of a promptable model: which of its masks to take.
        everything: Whether a promptable model finds all things without prompts.
        cache: Folder in which a promptable model keeps the embeddings of images.
        save: What a promptable model writes for each image.
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
        "Predict.json_form": ("masks", masks),
        "Predict.skip_existing": ("skip_existing", skip_existing or None),
        "Predict.write": ("write", write),
        "Predict.frame_step": ("frame_step", frame_step),
        "Predict.prompts": ("prompts", prompts),
        "Predict.promptable.background": ("background", background),
        "Predict.promptable.multimask": ("multimask", multimask),
        "Predict.promptable.everything": ("everything", everything or None),
        "Predict.promptable.cache_dir": ("cache", as_text(cache)),
        "Predict.promptable.formats": ("save", save),
        "Global.device": ("device", device),
        **of_dataset(None, model or model_in(as_text(model_dir)), output),
    }
    return cast("PredictResult", run("predict", config, values, overrides))
