"""Checksums beside weights, which detect a truncated file or a flipped bit before the file is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from segcli.data.files import is_file, sha256_of, write_json_atomic
from segcli.data.json_text import read_json
from segcli.errors import WeightsError

CHECKSUMS_FILE = "checksums.json"


def write_checksums(folder: Path) -> None:
    """Flushes every file of `folder` to disk and writes their SHA-256 checksums."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS_FILE)
    for path in files:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    write_json_atomic(folder / CHECKSUMS_FILE, {path.name: sha256_of(path) for path in files})


def damage_in(folder: Path) -> str | None:
    """Describes the first damage to the files of a folder with checksums; None if there is none."""
    return next(_damages(folder), None)


def require_undamaged(path: Path) -> None:
    """Refuses a file whose checksum differs from the one beside it; a file without an entry there is not checked.

    Raises:
        WeightsError: The checksum differs.
    """
    try:
        recorded = _read(path.parent).get(path.name)
    except (OSError, ValueError):
        return
    if recorded is not None and path.is_file() and sha256_of(path) != recorded:
        raise WeightsError(
            f"this file is damaged: its checksum is not the one in {CHECKSUMS_FILE} beside it",
            path=path,
            hint=f"use another checkpoint or copy it again; without {CHECKSUMS_FILE} it is used unchecked",
        )


def _damages(folder: Path) -> Iterator[str]:
    try:
        recorded = _read(folder)
    except FileNotFoundError:
        yield f"{CHECKSUMS_FILE} is not there"
        return
    except (OSError, ValueError) as fault:
        yield f"{CHECKSUMS_FILE} cannot be read ({fault})"
        return
    for name, digest in recorded.items():
        path = folder / Path(name).name
        if not is_file(path):
            yield f"{name} is not there"
        elif sha256_of(path) != digest:
            yield f"{name} is not what was written (its checksum differs)"


def _read(folder: Path) -> dict[str, str]:
    values = read_json(folder / CHECKSUMS_FILE)
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ValueError("holds no names and checksums")
    return values
