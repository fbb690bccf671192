"""Temporary files and folders beside what they become; those of a process that was killed go when another writes there.

Each is locked while its process lives. Before a process makes its first one in a folder, it removes those that nobody
holds any more. Where files cannot be locked (Windows, some network file systems) nothing is removed.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MARK = ".segcli-"
"""Part of the name of each."""
_HOLDS = sys.platform != "win32"
_OURS = re.compile(r"\..*\.segcli-[a-z0-9_]{8}(\.[^.]*)?", re.DOTALL)
_OUR_FOLDERS = re.compile(r"(?<![^/\\\s\"'])\.[^/\\]*\.segcli-[a-z0-9_]{8}[/\\]")


if sys.platform == "win32":  # an open file can be neither renamed nor removed there

    def _flock(_descriptor: int, *, wait: bool) -> None:
        raise OSError(f"cannot be locked, {wait=}")

else:
    import fcntl

    def _flock(descriptor: int, *, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def temporary_file(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """An empty file, hidden, in a folder that exists; removed at the end unless it was renamed."""
    _remove_abandoned(os.path.realpath(folder))
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f".{stem}{MARK}", suffix=suffix, dir=folder)
        if _hold(descriptor, name):
            break
        os.close(descriptor)
    if not _HOLDS:
        os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        if _HOLDS:
            os.close(descriptor)


@contextmanager
def temporary_folder(folder: Path, stem: str) -> Iterator[Path]:
    """An empty folder, hidden, in a folder that exists; removed at the end with all that is in it."""
    made = TemporaryFolder.make(folder, stem)
    try:
        yield made.path
    finally:
        made.remove()


@dataclass(frozen=True)
class TemporaryFolder:
    """As `temporary_folder`, for one that lives longer than a block.

    Attributes:
        path: The folder.
    """

    path: Path
    _descriptor: int | None

    @staticmethod
    def make(folder: Path, stem: str) -> TemporaryFolder:
        """Makes one in a folder that exists."""
        _remove_abandoned(os.path.realpath(folder))
        while True:
            path = Path(tempfile.mkdtemp(prefix=f".{stem}{MARK}", dir=folder))
            if not _HOLDS:
                return TemporaryFolder(path, None)
            descriptor = os.open(path, os.O_RDONLY)
            if _hold(descriptor, str(path)):
                return TemporaryFolder(path, descriptor)
            os.close(descriptor)

    def remove(self) -> None:
        """Removes it, once, in the process that has made it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)


def lasting_path(path: Path) -> Path:
    """Where a path in a temporary folder will be once the folder has its name: what messages call it."""
    *folders, name = path.parts or ("",)
    return Path(*(part for part in folders if not _OURS.fullmatch(part)), name)


def lasting_names(text: str) -> str:
    """A text of a library with the names that the files in temporary folders will have.

    >>> lasting_names('cannot read "out/.int8.segcli-0a1b2c3d/int8/inference.onnx"')
    'cannot read "out/int8/inference.onnx"'
    """
    return _OUR_FOLDERS.sub("", text)


def _hold(descriptor: int, name: str) -> bool:
    """Locks what was just made; False where another process has found it unlocked before, and has removed it."""
    if not _HOLDS:
        return True
    with suppress(OSError):  # no locks there, so nobody removes it either
        _flock(descriptor, wait=True)
    return os.path.lexists(name)


@lru_cache(maxsize=4096)
def _remove_abandoned(folder: str) -> None:
    """Removes what killed processes have left in a folder; looked for once per process."""
    if not _HOLDS:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name) and not entry.is_symlink():
                _remove_if_free(entry)


def _remove_if_free(entry: os.DirEntry[str]) -> None:
    with suppress(OSError):
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            _flock(descriptor, wait=False)
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)  # noqa: PTH108
        finally:
            os.close(descriptor)
