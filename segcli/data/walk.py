"""The files of a dataset, without the folder `.segcli` in which changes are kept.

What another process takes away while the files are listed is left out: a writer's staged files come and go.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path

STATE_FOLDER = ".segcli"
"""Where segcli keeps the changes of a dataset, see `segcli.data.changes.journal`."""


def folders_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """`root` and every folder below it with the names of its files; links to folders are not followed."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if name != STATE_FOLDER)
        yield Path(folder), files


def files_below(root: Path, suffixes: Container[str] | None = None) -> list[Path]:
    """Every file below `root`, sorted.

    Args:
        root: The folder.
        suffixes: Endings in lower case, with their dots; None takes every file.
    """
    found = (folder / name for folder, names in folders_below(root) for name in names)
    return sorted(path for path in found if suffixes is None or path.suffix.lower() in suffixes)
