"""Converts a Paddle program to ONNX."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from segcli.data.files import atomic_path
from segcli.errors import ExportError, MissingPartError

log = logging.getLogger("segcli.export")

_LAST_LINES = 5


def converter_installed() -> bool:
    """Whether the packages for the conversion are installed."""
    return find_spec("paddle2onnx") is not None and find_spec("onnx") is not None


def convert_program(program: Path, weights: Path, target: Path) -> Path:
    """Converts one Paddle program to ONNX.

    This runs in a separate process: the converter aborts on graphs that it does not know.

    Returns:
        `target`, which is written completely or not at all.

    Raises:
        MissingPartError: The converter is not installed.
        ExportError: The converter failed, or wrote nothing, as it does beyond 2 GB; the message holds its last lines.
    """
    if not converter_installed():
        raise MissingPartError("paddle2onnx is not installed", hint="pip install paddle2onnx onnx")
    with atomic_path(target) as temporary:
        arguments = [program, weights, temporary]
        command = [sys.executable, "-m", "segcli.inference.onnx_worker", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        written = temporary.stat().st_size if temporary.is_file() else 0
        if done.returncode or not written:
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise ExportError(
                f"conversion to ONNX failed ({done.returncode}): {' | '.join(lines[-_LAST_LINES:])}", path=program
            )
    return target


def _environment() -> dict[str, str]:
    """The environment of this process, with segcli on the worker's `PYTHONPATH`."""
    here = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}
