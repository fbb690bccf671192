"""Which runtime runs a model: the fastest that is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from segcli.config.schema import Runtime as RuntimeName
from segcli.errors import ExportError, MissingPartError, SegcliError
from segcli.export.onnx import can_convert, write_onnx
from segcli.models.exported import ONNX_FILE, OPENVINO_FILE, ExportedModel
from segcli.models.instance.table import has_onnx_form
from segcli.predict.runtimes.onnx_runtime import OnnxRuntime
from segcli.predict.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.predict.runtimes.paddle_runtime import PaddleRuntime
from segcli.predict.runtimes.protocol import Runtime, thread_count

log = logging.getLogger("segcli.predict")


def open_runtime(model: ExportedModel, wanted: RuntimeName = "auto", device: str = "cpu") -> Runtime:
    """Opens an exported model.

    Args:
        model: The model.
        wanted: The runtime; ``auto`` takes on the CPU the first of ONNX Runtime, OpenVINO and Paddle that works, which
            is their order of speed, and Paddle on any other device.
        device: Where to run; another device than the CPU is Paddle's.

    Raises:
        MissingPartError: The wanted runtime is not installed, or the model has no file for it.
        ExportError: The conversion that the wanted runtime needs failed.
    """
    if wanted != "auto":
        return _OPENERS[wanted](model, device)
    fast = device == "cpu" and ((model.folder / ONNX_FILE).is_file() or has_onnx_form(model.model_name))
    order: tuple[RuntimeName, ...] = ("onnxruntime", "openvino", "paddle") if fast else ("paddle",)
    installed = [name for name in order if is_installed(name)]
    faults: list[str] = []
    for name in installed:
        try:
            runtime = _OPENERS[name](model, device)
        except (SegcliError, RuntimeError, NotImplementedError, ValueError) as fault:
            faults.append(f"{name}: {_first_line(fault)}")
            continue
        if faults:
            log.warning("%s runs on %s, because %s", model.folder, name, "; ".join(faults))
        return runtime
    raise MissingPartError("no runtime can open this model: " + "; ".join(faults), path=model.folder)


def is_installed(name: RuntimeName) -> bool:
    """Whether the package of a runtime is there."""
    return find_spec(name) is not None


def _open_paddle(model: ExportedModel, device: str) -> Runtime:
    files = model.paddle_files
    if files is None:
        raise MissingPartError("the folder holds no program of Paddle", path=model.folder)
    return PaddleRuntime(*files, device=device, threads=thread_count())


def _open_onnx(model: ExportedModel, _device: str) -> Runtime:
    _require("onnxruntime")
    return OnnxRuntime(onnx_file(model), thread_count())


def _open_openvino(model: ExportedModel, _device: str) -> Runtime:
    _require("openvino")
    own = model.folder / OPENVINO_FILE
    return OpenVinoRuntime(own if own.is_file() else onnx_file(model), thread_count())


_OPENERS: dict[str, Callable[[ExportedModel, str], Runtime]] = {
    "paddle": _open_paddle,
    "onnxruntime": _open_onnx,
    "openvino": _open_openvino,
}


def onnx_file(model: ExportedModel) -> Path:
    """The ONNX file of a model, made at its first use and kept beside it.

    Raises:
        MissingPartError: There is none and it cannot be made.
        ExportError: The conversion failed.
    """
    path = model.folder / ONNX_FILE
    if path.is_file():
        return path
    if not has_onnx_form(model.model_name):
        raise MissingPartError(
            f"{model.model_name} has no ONNX form: its proposals are an operator of Paddle", path=model.folder
        )
    if not can_convert(model.folder):
        raise MissingPartError(
            f"the folder holds no {ONNX_FILE} and it cannot be made",
            path=model.folder,
            hint="pip install 'segcli[onnx]', or export with Export.formats=[paddle,onnx]",
        )
    try:
        return write_onnx(model.folder)
    except OSError as fault:
        raise ExportError(f"{ONNX_FILE} cannot be written: {fault}", path=model.folder) from fault


def _require(name: str) -> None:
    if find_spec(name) is None:
        raise MissingPartError(f"{name} is not installed", hint=f"pip install {name}, or Predict.runtime=auto")


def _first_line(fault: Exception) -> str:
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
