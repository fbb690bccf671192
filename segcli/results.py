"""What every command returns, and the file that every mode leaves behind.

A command is one function that returns a `ModeResult`; it prints nothing. `segcli.app` writes the result file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from segcli.data.files import write_json_atomic
from segcli.findings import Finding
from segcli.version import __version__

SCHEMA_VERSION = 1


class ModeResult(Protocol):
    """The outcome of one mode."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values under PaddleX's keys (`done_flag` and the frame are added by `write_result`)."""


class PreparationReport(Protocol):
    """What a step before the mode did to the dataset."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What was worth saying on the way."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""


def write_result(output: Path, mode: str, values: Mapping[str, Any], *, done: bool) -> Path:
    """Writes `<output>/<mode>_result.json`, whole or not at all, on success and on failure.

    Args:
        output: Folder of the run.
        mode: Name of the mode.
        values: What the mode found, or how it failed.
        done: Whether the mode did what it was asked.

    Returns:
        Path of the file.
    """
    path = output / f"{mode}_result.json"
    write_json_atomic(path, framed(mode, values, done=done))
    return path


def framed(mode: str, values: Mapping[str, Any], *, done: bool) -> dict[str, Any]:
    """The result object of a mode: its values after the version of the schema, the mode and whether it was done."""
    frame = {"schema_version": SCHEMA_VERSION, "segcli_version": __version__, "mode": mode, "done_flag": done}
    return {**frame, **values}


def was_done(output: Path, mode: str) -> bool:
    """Whether the folder holds the result of a run of this mode that succeeded."""
    try:
        found = json.loads((output / f"{mode}_result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("done_flag") is True
