"""Folders as values, so that tests can say that nothing else changed, and folders that several tests share."""

from __future__ import annotations

import atexit
import errno
import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

_SHARED: list[Path] = []


def shared_folder() -> Path:
    """A new folder for what several tests read; it is removed when this process's tests are done."""
    _SHARED.append(Path(mkdtemp(prefix="segcli-tests-")))
    return _SHARED[-1]


def remove_shared_folders() -> None:
    """Removes the folders of `shared_folder`: at the end of the session, or of a process that is not pytest's."""
    while _SHARED:
        rmtree(_SHARED.pop(), ignore_errors=True)


atexit.register(remove_shared_folders)


def snapshot(root: Path, *, without: str = ".segcli") -> dict[str, bytes | None]:
    """Every file below `root` and its content; folders map to None. The folder `without` is left out."""
    paths = (path for path in root.rglob("*") if without not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in paths}


def close_folders(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Folders of these names may not be read or searched, as for a user without the right; the superuser may all."""
    closed = set(names or ("closed",))

    def refusing(call, is_shut):
        def refuse(path=".", *arguments, **options):
            if not isinstance(path, int) and is_shut(Path(os.fsdecode(path))):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return call(path, *arguments, **options)

        return refuse

    for listing in ("scandir", "listdir"):
        monkeypatch.setattr(os, listing, refusing(getattr(os, listing), lambda path: path.name in closed))
    for looking in ("stat", "lstat"):
        within = refusing(getattr(os, looking), lambda path: bool(closed & set(path.parent.parts)))
        monkeypatch.setattr(os, looking, within)
