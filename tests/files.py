"""Folders as values, so that tests can say that nothing else changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest


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
