"""`models quantize`: quantizes a semantic or instance model to 8 bits; kept only if its score hardly falls."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from segcli.config.load import from_values
from segcli.data.files import whole_folder
from segcli.data.fingerprint.images import evenly
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.yaml_nodes import load_yaml
from segcli.errors import MissingPartError, ParityError, UsageError
from segcli.inference.exported_model import MANIFEST_FILE, ONNX_FILE, ExportedModel, write_manifest
from segcli.inference.guests.folder import SECTION
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.onnx_graph import logits_graph
from segcli.models.card import CARD_FILE
from segcli.models.names import MODEL_TASKS
from segcli.models.task import Task
from segcli.progress import working
from segcli.steps.evaluate.command import evaluate
from segcli.steps.guests.network_file import NetworkFile
from segcli.steps.quantize.calibration import Feeds, calibration_feeds
from segcli.steps.quantize.widen import widen
from segcli.weights.guest_home import exported_in

_PACKAGES = ("onnx", "onnxruntime", "ml-dtypes")
_ERRORS = 3
"""ONNX Runtime's log severity level."""


@dataclass(frozen=True)
class _Kind:
    """What quantization needs to know of a task.

    Attributes:
        score: Key of the score in the metrics of `evaluate`.
        validation: Reads the images of the validation split of a dataset, given the number of classes.
        operators: Operators to quantize; None for all that can be. Coordinates of objects would lose their last pixels.
    """

    score: str
    validation: Callable[[Path, int | None], list[Path]]
    operators: Sequence[str] | None = None


def _labelled_images(dataset: Path, classes: int | None) -> list[Path]:
    return [sample.image for sample in open_seg_dataset(dataset, classes).val]


def _images_with_objects(dataset: Path, _: int | None) -> list[Path]:
    return [sample.image for sample in open_instance_dataset(dataset).val]


_KINDS = {
    Task.SEMANTIC: _Kind("mIoU", _labelled_images),
    Task.INSTANCE: _Kind("AP", _images_with_objects, operators=("Conv", "ConvTranspose", "Gemm", "MatMul")),
}


@dataclass(frozen=True)
class Quantized:
    """A model quantized to 8 bits.

    Attributes:
        folder: Its folder.
        score: Name of the score.
        before: Score with 32 bits.
        after: Score with 8 bits.
        images: Number of calibration images.
        bytes_before: Size of the ONNX file with 32 bits.
        bytes_after: Size of the ONNX file with 8 bits.
    """

    folder: Path
    score: str
    before: float
    after: float
    images: int
    bytes_before: int
    bytes_after: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "folder": str(self.folder)}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [
            (self.score, f"{self.before:.4f} before, {self.after:.4f} after"),
            ("size", f"{self.bytes_before / 1e6:.1f} MB before, {self.bytes_after / 1e6:.1f} MB after"),
            ("calibrated on", f"{self.images} images of the validation split"),
            ("model", str(self.folder)),
        ]


def quantize(model_dir: str, dataset: str, out: Path, *, most_loss: float = 0.01, images: int = 64) -> Quantized:
    """Writes a model whose convolutions compute in 8 bits, and evaluates it before and after.

    Args:
        model_dir: Folder of an exported or imported semantic or instance model.
        dataset: Its validation split is used for calibration and evaluation.
        out: The folder to make.
        most_loss: Largest accepted loss of the score (mean IoU, or AP of masks), 0 to 1; a model that loses more is
            not kept.
        images: Number of calibration images, evenly chosen from the validation split.

    Raises:
        MissingPartError: ONNX Runtime or onnx is not installed.
        UsageError: The model is of another task or runs in two parts, or `out` is not empty.
        ParityError: It loses more than `most_loss`.
    """
    _require_packages()
    model = ExportedModel.open(exported_in(Path(model_dir).expanduser()))
    kind = _KINDS.get(MODEL_TASKS[model.model_name])
    if kind is None:
        raise UsageError(f"{model.title} answers prompts", hint="only semantic and instance models can be quantized")
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST_FILE).is_file():
        raise UsageError("holds something else", path=out, hint="give another --out")
    source = _source(model)
    chosen = list(evenly(kind.validation(Path(dataset), len(model.class_names) or None), images))
    with working("evaluating the model"):
        before = _score(model, dataset, kind.score)
    with whole_folder(out) as folder:
        _copy_descriptions(model, folder)
        with working("calibrating"):
            _write(model, source, folder / ONNX_FILE, chosen, kind.operators)
        small = ExportedModel.open(folder)
        with working("evaluating the 8-bit model"):
            after = _score(small, dataset, kind.score)
        if not before - after <= most_loss:
            raise ParityError(
                f"{kind.score} falls from {before:.4f} to {after:.4f}, allowed is a loss of {most_loss:g}",
                path=model.folder,
                hint="calibrate on more images (--images), or allow more (--max-loss)",
            )
        sizes = source.stat().st_size, (folder / ONNX_FILE).stat().st_size
    return Quantized(out, kind.score, before, after, len(chosen), *sizes)


def _require_packages() -> None:
    missing = [name for name in _PACKAGES if find_spec(name.replace("-", "_")) is None]
    if missing:
        hint = f"pip install {' '.join(missing)}"
        raise MissingPartError(f"{', '.join(missing)} is not installed, and makes models of 8 bits", hint=hint)


def _source(model: ExportedModel) -> Path:
    """The ONNX file of the whole model; made where it is missing, and compared with Paddle."""
    open_runtime(model, "onnxruntime")
    source = model.folder / ONNX_FILE
    if not source.is_file():
        raise UsageError(
            f"{model.title} runs in two parts, which are not quantized",
            path=model.folder,
            hint="quantize a model of another architecture, such as PP-YOLOE_seg-S",
        )
    return source


def _copy_descriptions(model: ExportedModel, folder: Path) -> None:
    """Writes manifest and card of the new folder, whose only network is the ONNX file of 32- and 8-bit numbers."""
    values = load_yaml((model.folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    if model.guest is not None and np.dtype(model.guest.dtype) == np.float16:
        values[SECTION]["dtype"] = "float32"
    if "files" in values.get("Segcli", {}):
        values["Segcli"]["files"] = {"onnx": ONNX_FILE}
    write_manifest(folder, values)
    if (model.folder / CARD_FILE).is_file():
        shutil.copyfile(model.folder / CARD_FILE, folder / CARD_FILE)


def _score(model: ExportedModel, dataset: str, name: str) -> float:
    with TemporaryDirectory(prefix="segcli-quantize-") as output:
        values = {
            "Global.mode": "evaluate",
            "Global.model": model.model_name,
            "Global.dataset_dir": dataset,
            "Global.output": output,
            "Global.device": "cpu",
            "Evaluate.weight_path": str(model.folder),
            "Evaluate.bootstrap": 0,
            "Evaluate.gallery": 0,
        }
        found = evaluate(from_values(values).config).as_dict()["metrics"][name]
    return float(found)


def _write(
    model: ExportedModel, source: Path, target: Path, images: list[Path], operators: Sequence[str] | None
) -> None:
    from onnxruntime.quantization import quantize_static

    content = _widened(source) if model.guest is not None else logits_graph(source)
    name = NetworkFile.read(source).inputs[0].name if model.guest is None else model.guest.input_name
    reader = _reader(calibration_feeds(model, images, name))
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # hides warnings about choices that were made here on purpose
    folded = target.with_name(f"folded_{target.name}")
    try:
        _fold(str(source) if content is None else content, folded)
        quantize_static(
            str(folded),
            str(target),
            reader,
            per_channel=True,
            op_types_to_quantize=operators and list(operators),
            extra_options={"MatMulConstBOnly": operators is not None},
        )
    finally:
        logging.root.setLevel(level)
        folded.unlink(missing_ok=True)


def _widened(source: Path) -> bytes | None:
    """The network with 32-bit floats where it has 16; None where it has none."""
    import onnx

    network = onnx.load(str(source))
    return bytes(network.SerializeToString()) if widen(network) else None


def _fold(network: str | bytes, target: Path) -> None:
    """Folds normalisations into convolutions and constants into weights, which would stay 32-bit otherwise."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = _ERRORS
    onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def _reader(feeds: Iterator[Feeds]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Returns the inputs one by one."""

        def get_next(self) -> Feeds | None:
            """The next input; None at the end."""
            return next(feeds, None)

    return Reader()
