"""Forms of networks that are made once and kept in the cache of this machine, by the digest of what they are made of.

They are not kept beside the model, where they would have to be proven and shipped.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from segcli.data.files import write_bytes_atomic
from segcli.weights.cache import cache_folder
from segcli.weights.digests import digest_of

log = logging.getLogger("segcli.predict")

FOLDER = "cut"
"""Folder in the cache."""
ONE_FILE, FOLDER_OF_FILES = ".onnx", ".optimised"
TIMES = ".times"
"""Ending of a file of how long runtimes take."""
_SCHEMA = 2
_MOST_FORMS = 64
_MOST_BYTES = 4 << 30


def kept_form(source: Path, ending: str) -> Path | None:
    """Where a form of a network is kept, whether it is there or not; None where there is no cache.

    Args:
        source: The file of the network; may be a kept one itself.
        ending: Which form of it, as the end of a name: `ONE_FILE`, `FOLDER_OF_FILES` or `TIMES` is its last part.
    """
    try:
        folder = cache_folder() / FOLDER
        stem = source.stem if source.parent == folder else f"{digest_of(source)}-{_SCHEMA}"
        return folder / f"{stem}.{ending}"
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None


def keep_bytes(target: Path | None, content: bytes) -> Path | None:
    """Writes a form of one file into the cache; None where that fails."""
    if target is None:
        return None
    try:
        write_bytes_atomic(target, content)
        keep_few(target)
    except OSError as fault:
        log.debug("a form of a network cannot be kept: %s", fault)
    return target if target.is_file() else None


def keep_few(newest: Path) -> None:
    """Removes the oldest kept forms beyond a number and a size; the newest stays."""
    total = 0
    kept = [path for path in newest.parent.iterdir() if path.name.endswith((ONE_FILE, FOLDER_OF_FILES, TIMES))]
    known = [(path, path.stat().st_mtime_ns) for path in kept]
    for number, (path, _) in enumerate(sorted(known, key=lambda pair: -pair[1])):
        files = list(path.iterdir()) if path.is_dir() else [path]
        total += sum(file.stat().st_size for file in files)
        if path == newest or (number < _MOST_FORMS and total <= _MOST_BYTES):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
