"""The files of a dataset, without the folder `.segcli` in which changes are kept.

What another process takes away while the files are listed is left out: a writer's staged files come and go.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("segcli.data")

STATE_FOLDER = ".segcli"
"""Where segcli keeps the changes of a dataset, see `segcli.data.changes.journal`."""


_MACOS_PREFIX = "._"
"""What macOS leaves on foreign disks and in archives: attributes of the file without the prefix, of any suffix."""
_NOT_DATA = ("__MACOSX", "@eaDir")
"""Folders that macOS and network disks leave; hidden ones (`.git`, `.ipynb_checkpoints`) are left out too."""


def folders_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """`root` and every folder below it with the names of its files; links to folders are not followed.

    A folder that cannot be read is noted, see `noting_unreadable`.
    """
    for folder, below, files in os.walk(root, onerror=_note):
        below[:] = sorted(filter(_holds_data, below))
        yield Path(folder), [name for name in files if not name.startswith(_MACOS_PREFIX)]


def folders(root: Path) -> Iterator[Path]:
    """The same folders alone, in a third of the time where they hold very many files."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                below = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except OSError as fault:
            _note(fault)
            continue
        yield folder
        waiting += [folder / name for name in sorted(filter(_holds_data, below), reverse=True)]
    if (noted := _noted.get()) is not None:
        noted.whole.add(root)


def _holds_data(folder: str) -> bool:
    return folder not in _NOT_DATA and not folder.startswith(".")


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted; nothing where it cannot be read, which is noted as above."""
    return [folder / name for name in names_in(folder)]


def names_in(folder: Path) -> list[str]:
    """The same by names alone, which takes a tenth of the time."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith(_MACOS_PREFIX))  # noqa: PTH208
    except OSError as fault:
        _note(fault)
        return []


@dataclass
class _Noted:
    """Folders that could not be read, and why; and those of which all folders below were looked at."""

    faults: dict[str, str] = field(default_factory=dict)
    whole: set[Path] = field(default_factory=set)


_noted: ContextVar[_Noted | None] = ContextVar("unreadable", default=None)


@contextmanager
def noting_unreadable() -> Iterator[None]:
    """Inside the block the folders that cannot be read are collected for `unreadable`."""
    token = _noted.set(_Noted())
    try:
        yield
    finally:
        _noted.reset(token)


def unreadable(root: Path) -> dict[str, str]:
    """The folders that could not be read so far, and why; all of those below `root` are among them.

    Outside of a block of `noting_unreadable` there are none.
    """
    noted = _noted.get()
    if noted is None:
        return {}
    if not _is_seen(root, noted.whole):
        for _ in folders(root):
            pass
    return dict(noted.faults)


def _is_seen(folder: Path, whole: Container[Path]) -> bool:
    """Whether `folders` of one of these comes to a folder: not through links, and not to what holds no data."""
    while folder not in whole:
        if not folder.name or not _holds_data(folder.name) or os.path.islink(folder):  # noqa: PTH114 - raises nothing
            return False
        folder = folder.parent
    return True


def _note(fault: OSError) -> None:
    if isinstance(fault, FileNotFoundError | NotADirectoryError):  # it was taken away meanwhile
        return
    noted, folder, reason = _noted.get(), str(fault.filename), fault.strerror or str(fault)
    if noted is None or folder not in noted.faults:
        log.warning("%s cannot be read (%s): whatever lies there is left out", folder, reason)
    if noted is not None:
        noted.faults[folder] = reason


def files_below(root: Path, suffixes: Container[str] | None = None) -> list[Path]:
    """Every file below `root`, sorted.

    Args:
        root: The folder.
        suffixes: Endings in lower case, with their dots; None takes every file.
    """
    found = (folder / name for folder, names in folders_below(root) for name in names)
    return sorted(path for path in found if suffixes is None or path.suffix.lower() in suffixes)
