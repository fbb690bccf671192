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
from segcli.inference.exported_model import LOGITS_FILE, OBJECTS_FILE, ONNX_FILE, WEIGHTS_FILE

log = logging.getLogger("segcli.export")

_LAST_WORDS = 5


def converter_installed() -> bool:
    """Whether the packages that convert are there."""
    return find_spec("paddle2onnx") is not None and find_spec("onnx") is not None


def can_convert(folder: Path) -> bool:
    """Whether the converter is installed and `folder` holds what it needs."""
    return converter_installed() and program_of(folder).is_file() and (folder / WEIGHTS_FILE).is_file()


def program_of(folder: Path) -> Path:
    """The program to convert: that of objects where there is one, otherwise that of logits."""
    objects = folder / OBJECTS_FILE
    return objects if objects.is_file() else folder / LOGITS_FILE


def write_onnx(folder: Path) -> Path:
    """Converts the exported model in `folder` to ONNX beside it; see `convert_program`."""
    target = convert_program(program_of(folder), folder / WEIGHTS_FILE, folder / ONNX_FILE)
    log.info("converted the model to ONNX for the fast runtimes")
    return target


def convert_program(program: Path, weights: Path, target: Path) -> Path:
    """Converts one program of Paddle to ONNX.

    The work is done in a process of its own: the converter aborts on graphs that it does not know.

    Returns:
        `target`, whole or not there at all.

    Raises:
        MissingPartError: The converter is not installed.
        ExportError: The converter failed, or wrote nothing, as it does beyond 2 GB; the message holds its last words.
    """
    if not converter_installed():
        raise MissingPartError("paddle2onnx is not installed", hint="pip install 'segcli[onnx]'")
    with atomic_path(target) as temporary:
        arguments = [program, weights, temporary]
        command = [sys.executable, "-m", "segcli.inference.onnx_worker", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        written = temporary.stat().st_size if temporary.is_file() else 0
        if done.returncode or not written:
            words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise ExportError(
                f"conversion to ONNX failed ({done.returncode}): {' | '.join(words[-_LAST_WORDS:])}", path=program
            )
    return target


def _environment() -> dict[str, str]:
    """The variables of this process, with segcli where the worker finds it."""
    here = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}


def write_openvino(folder: Path, target: Path) -> Path:
    """Converts `inference.onnx` in `folder` to OpenVINO's own form; see `write_openvino_form`."""
    return write_openvino_form(folder / ONNX_FILE, target)


def write_openvino_form(source: Path, target: Path) -> Path:
    """Converts an ONNX file to OpenVINO's own form, weights in float32.

    Raises:
        MissingPartError: OpenVINO is not installed.
        ExportError: OpenVINO cannot take the model.
    """
    if find_spec("openvino") is None:
        raise MissingPartError("openvino is not installed", hint="pip install 'segcli[openvino]'")
    import openvino

    try:
        openvino.save_model(openvino.Core().read_model(source), target, compress_to_fp16=False)
    except RuntimeError as fault:
        raise ExportError(f"OpenVINO cannot take the model: {fault}", path=source) from fault
    return target
