"""Which disk a file lies on, for the message when that is full."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

FULL = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name))
"""Errors of a disk, or of a user's share of it, that is full."""
_MEGABYTE = 1_000_000


def mount_of(path: str | os.PathLike[str]) -> Path:
    """Where the disk of a file is mounted; the file itself need not exist."""
    place = Path(os.path.realpath(path))
    while not (place.exists() and place.is_mount()) and place != place.parent:
        place = place.parent
    return place


def full_hint(path: str | os.PathLike[str]) -> str:
    """The remedy for a disk that is full: names it, and how much of it is free."""
    disk = mount_of(path)
    try:
        free, total = shutil.disk_usage(disk).free, shutil.disk_usage(disk).total
    except OSError:
        return f"free some space on the disk at {disk}"
    return f"free some space on the disk at {disk}, which has {free // _MEGABYTE} of {total // _MEGABYTE} MB left"
