"""What any exception means to the person at the terminal: a message, a remedy and an exit code."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.disk import FULL, full_hint
from segcli.errors import (
    EXIT_FAILED,
    EXIT_USAGE,
    ConfigError,
    DatasetError,
    FailedImageError,
    MissingPartError,
    SegcliError,
    UsageError,
    WeightsError,
)
from segcli.findings import as_entries
from segcli.signals import Stopped

_AT_START = (ConfigError, UsageError, MissingPartError, WeightsError, DatasetError)
"""What is raised before anything was done."""
_SHOWN = 40
"""Characters of a name that is too long."""
_OUT_OF_MEMORY = ("ResourceExhausted", "Out of memory", "out of memory", "Unable to allocate", "bad_alloc")


@dataclass(frozen=True)
class Failure:
    """An exception, described for a user.

    Attributes:
        exit_code: Of the command.
        kind: Name of the exception's class.
        message: What is wrong, and where.
        hint: What to do about it.
        details: Further entries of the result file, e.g. all findings.
        traced: Whether the traceback may be needed to find the cause.
        at_start: Whether it says that the work could not begin.
    """

    exit_code: int
    kind: str
    message: str
    hint: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    traced: bool = False
    at_start: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Entries of the result file, under PaddleX's keys ``err_type`` and ``err_msg``."""
        return {"err_type": self.kind, "err_msg": self.message, "hint": self.hint, **self.details}


def failure_of(error: BaseException) -> Failure:
    """Describes an exception for a user."""
    error = stop_behind(error) or error
    kind = type(error).__name__
    if isinstance(error, SegcliError):
        where = f"{error.path}: " if error.path is not None else ""
        at_start = isinstance(error, _AT_START)
        traced = isinstance(error, FailedImageError) and not isinstance(error.__cause__, SegcliError)
        told = error.exit_code, kind, where + error.message, error.hint, _details(error)
        return Failure(*told, traced=traced, at_start=at_start)
    if isinstance(error, KeyboardInterrupt):
        stop = error if isinstance(error, Stopped) else Stopped()
        reason = {"stop_reason": stop.message}
        return Failure(stop.exit_code, Stopped.__name__, stop.message, stop.hint, {**reason, **stop.details})
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in _OUT_OF_MEMORY):
        remedy = "lower batch_size, crop_size or num_workers"
        detail = f": {_one_line(error)}" if str(error).strip() else ""
        return Failure(EXIT_FAILED, kind, f"there is not enough memory{detail}", remedy, traced=True)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG and error.filename is not None:
        name = os.fsdecode(error.filename)
        message = f"{name[:_SHOWN]}...: this name of {len(name)} characters is longer than the file system allows"
        return Failure(EXIT_USAGE, kind, message, "give a shorter one: a name has at most 255 bytes", at_start=True)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in FULL):
        written = error.filename2 if error.errno in FULL else None
        place = f"{written or error.filename}: " if error.filename is not None else ""
        return Failure(EXIT_FAILED, kind, f"{place}{error.strerror}", _file_hint(error), traced=True)
    remedy = "`segcli doctor` tells what is missing" if isinstance(error, ImportError) else "please report it"
    return Failure(EXIT_FAILED, kind, f"unexpected {kind}: {_one_line(error)}", remedy, traced=True)


def stop_behind(error: BaseException) -> Stopped | None:
    """The signal that an extension module, stopped while it was imported, has made an error of its own."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, Stopped):
        cause = cause.__cause__
    return cause


def _details(error: SegcliError) -> dict[str, Any]:
    if isinstance(error, DatasetError):
        return as_entries(error.findings)
    if isinstance(error, ConfigError):
        return {"faults": [fault._asdict() for fault in error.faults]}
    return {}


def _file_hint(error: OSError) -> str | None:
    if error.errno in FULL and error.filename is not None:
        return full_hint(error.filename2 or error.filename)  # of a copy the second one is what was written
    hints = {
        errno.ENOENT: "check the path" if _current_folder_exists() else "the current folder was deleted: cd to another",
        errno.EACCES: "check who may read and write it",
        errno.EROFS: "choose another Global.output",
        **dict.fromkeys(FULL, "free some space, or choose another Global.output"),
    }
    return hints.get(error.errno or 0)


def _current_folder_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "no message"
