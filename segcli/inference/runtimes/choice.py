"""Which runtime runs a model: the fastest that is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec

from segcli.config.schema import Runtime as RuntimeName
from segcli.errors import MissingPartError, SegcliError
from segcli.inference.exported_model import (
    HEADS_FILE,
    HEADS_WEIGHTS_FILE,
    ONNX_FILE,
    OPENVINO_FILE,
    OPENVINO_STEM_FILE,
    STEM_FILE,
    ExportedModel,
)
from segcli.inference.parity import Reference, compare
from segcli.inference.runtimes.copies import TOLERANCE, onnx_file
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.inference.runtimes.split_runtime import SplitRuntime
from segcli.models.instance.table import has_onnx_form

log = logging.getLogger("segcli.predict")


def open_runtime(
    model: ExportedModel, wanted: RuntimeName = "auto", device: str = "cpu", *, reference: Reference | None = None
) -> Runtime:
    """Opens an exported model.

    A file that a runtime needs and that is not there is made and compared first with what it was made of.

    Args:
        model: The model.
        wanted: The runtime; ``auto`` takes on the CPU the first of ONNX Runtime, OpenVINO and Paddle that works, which
            is their order of speed, and Paddle on any other device.
        device: Where to run; another device than the CPU is Paddle's.
        reference: What the trained network says of some images; a runtime that disagrees is not used. For models that
            `export` has not compared.

    Raises:
        MissingPartError: The wanted runtime is not installed or cannot open the model, or the model has no file for it.
        ExportError: The conversion that the wanted runtime needs failed, or gave a model that disagrees.
    """
    if wanted != "auto":
        return _open(wanted, model, device, reference)
    fast = device == "cpu" and (
        (model.folder / ONNX_FILE).is_file() or model.is_split or has_onnx_form(model.model_name)
    )
    order: tuple[RuntimeName, ...] = ("onnxruntime", "openvino", "paddle") if fast else ("paddle",)
    installed = [name for name in order if is_installed(name)]
    faults: list[str] = []
    for name in installed:
        try:
            runtime = _open(name, model, device, reference)
        except SegcliError as fault:
            faults.append(f"{name}: {_first_line(fault)}")
            continue
        if faults:
            log.warning("%s runs on %s, because %s", model.folder, name, "; ".join(faults))
        return runtime
    raise MissingPartError("no runtime can open this model: " + "; ".join(faults), path=model.folder)


def _open(name: RuntimeName, model: ExportedModel, device: str, reference: Reference | None) -> Runtime:
    try:
        runtime = _OPENERS[name](model, device, reference is None)
        if reference is not None:
            compare(runtime, model.folder, reference, TOLERANCE)
    except SegcliError:
        raise
    except Exception as fault:  # any: each runtime has exceptions of its own
        raise MissingPartError(
            f"{name} cannot run this model: {_first_line(fault)}", path=model.folder, hint="take runtime=auto"
        ) from fault
    return runtime


def is_installed(name: RuntimeName) -> bool:
    """Whether the package of a runtime is there."""
    return find_spec(name) is not None


def _open_paddle(model: ExportedModel, device: str, _verify: bool) -> Runtime:
    files = model.paddle_files
    if files is None:
        raise MissingPartError("the folder holds no program of Paddle", path=model.folder)
    return PaddleRuntime(*files, device=device, threads=thread_count())


def _open_onnx(model: ExportedModel, _device: str, verify: bool) -> Runtime:
    _require("onnxruntime")
    if model.is_split:
        return SplitRuntime(OnnxRuntime(model.folder / STEM_FILE, thread_count()), _heads(model))
    return OnnxRuntime(onnx_file(model, OnnxRuntime, verify=verify), thread_count())


def _open_openvino(model: ExportedModel, _device: str, verify: bool) -> Runtime:
    _require("openvino")
    if model.is_split:
        stem = model.folder / OPENVINO_STEM_FILE
        stem = stem if stem.is_file() else model.folder / STEM_FILE
        return SplitRuntime(OpenVinoRuntime(stem, thread_count()), _heads(model))
    own = model.folder / OPENVINO_FILE
    return OpenVinoRuntime(own if own.is_file() else onnx_file(model, OpenVinoRuntime, verify=verify), thread_count())


def _heads(model: ExportedModel) -> Runtime:
    return PaddleRuntime(model.folder / HEADS_FILE, model.folder / HEADS_WEIGHTS_FILE, "cpu", thread_count())


_OPENERS: dict[str, Callable[[ExportedModel, str, bool], Runtime]] = {
    "paddle": _open_paddle,
    "onnxruntime": _open_onnx,
    "openvino": _open_openvino,
}
"""Each takes the model, the device, and whether a file that it makes is compared with Paddle's program."""


def _require(name: str) -> None:
    if find_spec(name) is None:
        raise MissingPartError(f"{name} is not installed", hint=f"pip install {name}, or Predict.runtime=auto")


def _first_line(fault: Exception) -> str:
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
