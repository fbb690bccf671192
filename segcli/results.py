"""What every command returns, and the file that every mode leaves behind.

A command is one function that returns a `ModeResult`; it prints nothing. `segcli.app` writes the result file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from segcli.data.files import write_json_atomic
from segcli.data.json_text import read_json
from segcli.findings import Finding
from segcli.version import __version__

SCHEMA_VERSION = 1
_RUNNING = "running"
"""Entry of a result file that stands while its run is not over; a killed run leaves it."""
_PORTABLE = ("train", "evaluate", "export")
"""Modes whose files lie in the folder of a training, which may be copied or renamed."""


class ModeResult(Protocol):
    """The outcome of one mode."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values under PaddleX's keys (`done_flag` and the frame are added by `write_result`)."""


class PreparationReport(Protocol):
    """What a step before the mode did to the dataset."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Findings on the way."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""


def is_done(result: ModeResult) -> bool:
    """Whether a mode succeeded: all that raise nothing do, but a check that finds the data invalid."""
    return bool(getattr(result, "valid", True))


def write_result(output: Path, mode: str, values: Mapping[str, Any], *, done: bool) -> Path:
    """Writes `<output>/<mode>_result.json`, whole or not at all, on success and on failure.

    Paths inside the folder of a training are relative to it there: a copied folder names its own files.

    Args:
        output: Folder of the run.
        mode: Name of the mode.
        values: What the mode found, or how it failed.
        done: Whether the mode succeeded.

    Returns:
        Path of the file.
    """
    path = _file(output, mode)
    framed_values = framed(mode, values, done=done)
    write_json_atomic(path, _relative(framed_values, output) if mode in _PORTABLE else framed_values)
    return path


def _relative(value: Any, folder: Path) -> Any:
    """The same, in which each path of something inside the folder is relative to it."""
    if isinstance(value, Mapping):
        return {key: _relative(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_relative(inner, folder) for inner in value]
    inside = f"{folder}{os.sep}"
    if isinstance(value, str) and value.startswith(inside) and os.path.lexists(value):
        return Path(value.removeprefix(inside)).as_posix()
    return value


def framed(mode: str, values: Mapping[str, Any], *, done: bool) -> dict[str, Any]:
    """The result object of a mode: its values after the version of the schema, the mode and whether it was done."""
    frame = {"schema_version": SCHEMA_VERSION, "segcli_version": __version__, "mode": mode, "done_flag": done}
    return {**frame, **values}


def begin_result(output: Path, mode: str) -> None:
    """Puts a mark in the place of the result: from here on the folder is that of the run which has begun."""
    write_result(output, mode, {_RUNNING: True, "stop_reason": "not over: it is running, or was killed"}, done=False)


def end_result(output: Path, mode: str) -> None:
    """Takes the mark away; the result, or how the run failed, is written after that."""
    if _read(output, mode).get(_RUNNING):
        _file(output, mode).unlink()


def outlives(output: Path, mode: str, *, at_start: bool) -> bool:
    """Whether the result that the folder holds stays when another run of this mode fails.

    Args:
        output: Folder of the run.
        mode: Name of the mode.
        at_start: Whether the fault is one of those that come before anything was done. A training has its own mark
            (`begin_result`): until it is set the result is that of an earlier one, whatever the fault.
    """
    found = _read(output, mode)
    if mode == "train":
        return bool(found) and not found.get(_RUNNING)
    return at_start and found.get("done_flag") is True


def version_of(output: Path, mode: str) -> tuple[int, int] | None:
    """A value that is another one after each writing of a result; None where there is none."""
    try:
        found = _file(output, mode).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _file(output: Path, mode: str) -> Path:
    return output / f"{mode}_result.json"


def _read(output: Path, mode: str) -> dict[str, Any]:
    """The result that is there; empty where there is none that can be read."""
    try:
        found = read_json(_file(output, mode))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
