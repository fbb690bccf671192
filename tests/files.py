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


def close_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders called `closed` may not be read, as for a user without the right; the superuser may read all."""
    listed = os.scandir

    def scandir(folder):
        if not isinstance(folder, int) and Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
