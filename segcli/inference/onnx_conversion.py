"""Converts a Paddle program to ONNX."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from segcli.children import child_environment
from segcli.data.files import atomic_path
from segcli.errors import ExportError, MissingPartError
from segcli.inference.opening_budget import WALL_TIMES, how_it_ended, most_seconds
from segcli.runtimes import PADDLE, other_runtime

log = logging.getLogger("segcli.export")

NO_CONVERTER_FROM = (3, 13)
"""The first Python for which there is no paddle2onnx."""
_LAST_LINES = 5
TIMES = 4
"""A conversion takes a few times as long as opening a network."""


def converter_installed() -> bool:
    """Whether the packages for the conversion are installed."""
    return find_spec("paddle2onnx") is not None and find_spec("onnx") is not None


def converter_remedy() -> str:
    """How to get the converter, or what to do where there is none."""
    if sys.version_info[:2] >= NO_CONVERTER_FROM:
        return "convert with Python 3.12 or older; models that hold ONNX run here all the same"
    return "pip install paddle2onnx onnx"


def _no_converter() -> MissingPartError:
    version = ".".join(map(str, sys.version_info[:2]))
    known = sys.version_info[:2] >= NO_CONVERTER_FROM
    message = f"paddle2onnx has no wheel for Python {version}" if known else "paddle2onnx is not installed"
    return MissingPartError(f"{message}: no ONNX can be written", hint=converter_remedy())


def convert_program(program: Path, weights: Path, target: Path) -> Path:
    """Converts one Paddle program to ONNX.

    This runs in a separate process with limits on memory and time: the converter aborts on graphs that it does not
    know, and a program from elsewhere may keep it busy for ever.

    Returns:
        `target`, which is written completely or not at all.

    Raises:
        MissingPartError: The converter is not installed.
        ExportError: The converter failed, or wrote nothing, as it does beyond 2 GB; the message holds its last lines.
    """
    if not converter_installed():
        raise _no_converter()
    with atomic_path(target) as temporary:
        arguments = [program, weights, temporary]
        command = [sys.executable, "-m", "segcli.inference.onnx_worker", *map(str, arguments)]
        size = program.stat().st_size + weights.stat().st_size
        try:
            done = _run(command, program, size)
        finally:
            readable_beside(temporary).unlink(missing_ok=True)  # stays where the process was killed
        written = temporary.stat().st_size if temporary.is_file() else 0
        how = how_it_ended(done.returncode, size, TIMES)
        if how is not None:
            raise _refused(program, how)
        if done.returncode or not written:
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise ExportError(
                f"conversion to ONNX failed ({done.returncode}): {' | '.join(lines[-_LAST_LINES:])}", path=program
            )
    return target


def readable_beside(target: Path) -> Path:
    """Where the converter finds a program in single precision; see `segcli.inference.onnx_worker`."""
    return target.with_suffix(".program.json")


def _run(command: Sequence[str], program: Path, size: int) -> subprocess.CompletedProcess[str]:
    seconds = WALL_TIMES * most_seconds(size, TIMES)
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
            env=child_environment(),
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as fault:
        raise _refused(program, f"is not done after {seconds} s") from fault


def _refused(program: Path, how: str) -> ExportError:
    hint = f"{other_runtime(PADDLE)}, which needs no ONNX file; or download or export the model again"
    return ExportError(f"conversion to ONNX failed: the converter {how}", path=program, hint=hint)
