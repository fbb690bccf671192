"""Folders as values, so that tests can say that nothing else changed."""

from __future__ import annotations

from pathlib import Path


def snapshot(root: Path, *, without: str = ".segcli") -> dict[str, bytes | None]:
    """Every file below `root` and its content; folders map to None. The folder `without` is left out."""
    paths = (path for path in root.rglob("*") if without not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in paths}
