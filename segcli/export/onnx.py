"""ONNX from an exported model."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from segcli.data.files import atomic_path
from segcli.errors import ExportError, MissingPartError
from segcli.models.exported import LOGITS_FILE, OBJECTS_FILE, ONNX_FILE, WEIGHTS_FILE

log = logging.getLogger("segcli.export")

_LAST_WORDS = 5


def converter_installed() -> bool:
    """Whether the packages that convert are there."""
    return find_spec("paddle2onnx") is not None and find_spec("onnx") is not None


def can_convert(folder: Path) -> bool:
    """Whether the converter is installed and `folder` holds what it needs."""
    return converter_installed() and _program(folder).is_file() and (folder / WEIGHTS_FILE).is_file()


def _program(folder: Path) -> Path:
    """The program to convert: that of objects where there is one, otherwise that of logits."""
    objects = folder / OBJECTS_FILE
    return objects if objects.is_file() else folder / LOGITS_FILE


def write_onnx(folder: Path) -> Path:
    """Converts the exported model in `folder` to ONNX beside it.

    The work is done in a process of its own: the converter aborts on graphs that it does not know.

    Returns:
        Path of the file, whole or not there at all.

    Raises:
        MissingPartError: The converter is not installed.
        ExportError: The converter failed; the message holds its last words.
    """
    if not converter_installed():
        raise MissingPartError("paddle2onnx is not installed", hint="pip install 'segcli[onnx]'")
    target = folder / ONNX_FILE
    with atomic_path(target) as temporary:
        arguments = [_program(folder), folder / WEIGHTS_FILE, temporary]
        command = [sys.executable, "-m", "segcli.export.onnx_worker", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        if done.returncode:
            words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise ExportError(
                f"conversion to ONNX failed ({done.returncode}): {' | '.join(words[-_LAST_WORDS:])}", path=folder
            )
    log.info("converted the model to ONNX for the fast runtimes")
    return target


def _environment() -> dict[str, str]:
    """The variables of this process, with segcli where the worker finds it."""
    here = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}


def write_openvino(folder: Path, target: Path) -> Path:
    """Converts `inference.onnx` in `folder` to OpenVINO's own form, weights in float32.

    Raises:
        MissingPartError: OpenVINO is not installed.
        ExportError: OpenVINO cannot take the model.
    """
    if find_spec("openvino") is None:
        raise MissingPartError("openvino is not installed", hint="pip install 'segcli[openvino]'")
    import openvino

    try:
        openvino.save_model(openvino.Core().read_model(folder / ONNX_FILE), target, compress_to_fp16=False)
    except RuntimeError as fault:
        raise ExportError(f"OpenVINO cannot take the model: {fault}", path=folder / ONNX_FILE) from fault
    return target
