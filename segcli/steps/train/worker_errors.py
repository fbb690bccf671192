"""Passes the error of a training process to the process that started it, as plain values in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segcli import errors
from segcli.data.files import write_json_atomic
from segcli.errors import ConfigError, ConfigFault, DatasetError, SegcliError, TrainingError
from segcli.failure_report import failure_of
from segcli.findings import Finding, Severity
from segcli.steps.train.advice import advice_for

_NAME = ".processes_fault.{}.json"


def leave_fault(folder: Path, rank: int, error: Exception) -> None:
    """Writes the error that stopped process `rank`."""
    failure = failure_of(error)
    known = isinstance(error, SegcliError)
    values = {
        "type": failure.kind if known else None,
        "message": error.message if isinstance(error, SegcliError) else failure.message,
        "path": getattr(error, "path", None),
        "hint": failure.hint if known else advice_for(str(error)),
        **failure.details,
    }
    write_json_atomic(folder / _NAME.format(rank), values)


def clear_faults(folder: Path) -> None:
    """Removes the error files of an earlier training."""
    for path in folder.glob(_NAME.format("*")):
        path.unlink(missing_ok=True)


def read_fault(folder: Path) -> SegcliError | None:
    """The error that stopped the training, as it was raised; None if no process wrote one.

    The earliest one is used, a `SegcliError` before any other: when one process ends, the others only report a lost
    connection.
    """
    files = sorted(folder.glob(_NAME.format("*")), key=lambda path: path.stat().st_mtime_ns)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    clear_faults(folder)
    return _rebuilt(min(found, key=lambda values: values["type"] is None)) if found else None


def _rebuilt(values: Mapping[str, Any]) -> SegcliError:
    kind = getattr(errors, values["type"] or "", TrainingError)
    place: dict[str, Any] = {"path": values["path"], "hint": values["hint"]}
    if kind is ConfigError:
        return ConfigError([ConfigFault(**fault) for fault in values["faults"]], path=values["path"])
    if kind is DatasetError:
        found = [Finding(**{**entry, "severity": Severity(entry["severity"])}) for entry in values["findings"]]
        return DatasetError(values["message"], found, **place)
    error: SegcliError = kind(values["message"], **place)
    return error
