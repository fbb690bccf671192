"""`models quantize`: a semantic or instance model of 8 or 16 bits, kept only if its score hardly falls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from segcli.config.load import from_values
from segcli.data.files import whole_folder
from segcli.data.fingerprint.images import evenly
from segcli.device import available_device
from segcli.errors import MissingPartError, ParityError, UsageError
from segcli.inference.exported_model import MANIFEST_FILE, ONNX_FILE, ExportedModel
from segcli.inference.fastest import fastest
from segcli.inference.precision import HALVES, parse_precision, require_half
from segcli.inference.runtimes.choice import open_runtime
from segcli.models.names import MODEL_TASKS
from segcli.progress import working
from segcli.steps.evaluate.command import evaluate
from segcli.steps.quantize.networks import write_half, write_int8
from segcli.steps.quantize.parts import QuantizeParts
from segcli.tasks import step_part
from segcli.weights.guest_home import exported_in

_PACKAGES = ("onnx", "onnxruntime", "ml-dtypes")
_FASTER = 1.1
"""Ratio of times below which a difference is that of one measurement to the next."""
EIGHT_BITS = "int8"
PRECISIONS = (EIGHT_BITS, *HALVES)


@dataclass(frozen=True)
class Quantized:
    """A model of fewer bits.

    Attributes:
        folder: Its folder.
        precision: Its numbers.
        device: Where it was evaluated.
        score: Name of the score.
        before: Score with 32 bits.
        after: Score with fewer.
        images: Number of calibration images; 0 for 16 bits, which need none.
        bytes_before: Size of the ONNX file with 32 bits; None for 16 bits, which are made when the model is opened.
        bytes_after: Size of the ONNX file with 8 bits; None for 16 bits.
        milliseconds_before: Time of one image with 32 bits on the fastest runtime of this processor; None where
            runtimes were not compared, as with 16 bits.
        milliseconds_after: The same with 8 bits.
    """

    folder: Path
    precision: str
    device: str
    score: str
    before: float
    after: float
    images: int = 0
    bytes_before: int | None = None
    bytes_after: int | None = None
    milliseconds_before: float | None = None
    milliseconds_after: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "folder": str(self.folder)}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [(self.score, f"{self.before:.4f} before, {self.after:.4f} after")]
        if self.bytes_before is not None and self.bytes_after is not None:
            rows += [
                ("size", f"{self.bytes_before / 1e6:.1f} MB before, {self.bytes_after / 1e6:.1f} MB after"),
                ("calibrated on", f"{self.images} images of the validation split"),
            ]
        if self.milliseconds_before and self.milliseconds_after:
            times = self.milliseconds_before / self.milliseconds_after
            change = f"{times:.1f} times as fast" if times >= _FASTER else "no faster on this processor"
            before, after = f"{self.milliseconds_before:.1f} ms before", f"{self.milliseconds_after:.1f} ms after"
            rows.append(("time of an image", f"{before}, {after}: {change}"))
        return [("precision", f"{self.precision} on {self.device}"), *rows, ("model", str(self.folder))]


def quantize(
    model_dir: str,
    dataset: str,
    out: Path,
    *,
    precision: str = EIGHT_BITS,
    device: str = "auto",
    most_loss: float = 0.01,
    images: int = 64,
) -> Quantized:
    """Writes a model that computes with fewer bits, and evaluates it before and after.

    Args:
        model_dir: Folder of an exported or imported semantic or instance model.
        dataset: Its validation split is used for calibration and evaluation.
        out: The folder to make.
        precision: ``int8`` for convolutions with 8 bits, ``fp16`` or ``bf16`` where the device has them.
        device: Where it is evaluated; ``auto`` is the CPU for 8 bits.
        most_loss: Largest accepted loss of the score (mean IoU, or AP of masks), 0 to 1; a model that loses more is
            not kept.
        images: Number of calibration images of 8 bits, evenly chosen from the validation split.

    Raises:
        MissingPartError: ONNX Runtime or onnx is not installed, or the device does not have these numbers.
        UsageError: The model is of another task or runs in two parts, `out` is not empty, there is no such
            precision, or 8 bits are wanted on another device than the CPU.
        ParityError: It loses more than `most_loss`.
    """
    _require_possible(precision, device)
    model = ExportedModel.open(exported_in(Path(model_dir).expanduser()))
    task = MODEL_TASKS[model.model_name]
    if task.facts.takes_prompts:
        raise UsageError(f"{model.title} answers prompts", hint="only semantic and instance models can be quantized")
    of_task: QuantizeParts = step_part("quantize", task)
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST_FILE).is_file():
        raise UsageError("holds something else", path=out, hint="give another --out")
    where = _device(model, precision, device)
    source = _source(model)
    chosen: list[Path] = []
    if precision == EIGHT_BITS:
        chosen = list(evenly(of_task.validation(Path(dataset), len(model.class_names) or None), images))
    with working("evaluating the model"):
        before = _score(model, dataset, of_task.score, where)
    with whole_folder(out) as folder:
        with working("writing the model"):
            if precision == EIGHT_BITS:
                write_int8(model, source, folder, chosen, of_task.operators)
            else:
                write_half(model, folder, parse_precision(precision))
        with working(f"evaluating it with {precision}"):
            after = _score(ExportedModel.open(folder), dataset, of_task.score, where)
        if not before - after <= most_loss:
            raise ParityError(
                f"{of_task.score} falls from {before:.4f} to {after:.4f}, allowed is a loss of {most_loss:g}",
                path=model.folder,
                hint=_remedy(precision),
            )
        done = Quantized(out, precision, where, of_task.score, before, after, len(chosen))
        if not chosen:
            return done
        return replace(
            done,
            bytes_before=source.stat().st_size,
            bytes_after=(folder / ONNX_FILE).stat().st_size,
            milliseconds_before=fastest(model),
            milliseconds_after=fastest(ExportedModel.open(folder)),
        )


def _remedy(precision: str) -> str:
    if precision == EIGHT_BITS:
        return "calibrate on more images (--images), or allow more (--max-loss)"
    return "allow more (--max-loss), or keep 32 bits"


def _require_possible(precision: str, device: str) -> None:
    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision}", hint=f"one of {', '.join(PRECISIONS)}")
    if precision == EIGHT_BITS:
        _require_packages()
        if device not in ("auto", "cpu"):
            raise UsageError(f"8 bits run on the CPU, not on {device}", hint="leave --device out, or --precision fp16")


def _device(model: ExportedModel, precision: str, device: str) -> str:
    """Where the model is evaluated, after a check that it can compute with these numbers there."""
    if precision == EIGHT_BITS:
        return "cpu"
    where = "cpu"
    if model.graph.has_paddle:
        where = available_device(device, strict=device != "auto")
    elif device not in ("auto", "cpu"):
        hint = "leave --device out; a model with a program of Paddle runs there"
        raise UsageError(f"{model.title} has no program of Paddle, which is what runs on {device}", hint=hint)
    require_half(parse_precision(precision), where)
    return where


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


def _score(model: ExportedModel, dataset: str, name: str, device: str) -> float:
    with TemporaryDirectory(prefix="segcli-quantize-") as output:
        values = {
            "Global.mode": "evaluate",
            "Global.model": model.model_name,
            "Global.dataset_dir": dataset,
            "Global.output": output,
            "Global.device": device,
            "Evaluate.weight_path": str(model.folder),
            "Evaluate.bootstrap": 0,
            "Evaluate.gallery": 0,
        }
        found = evaluate(from_values(values).config).as_dict()["metrics"][name]
    return float(found)
