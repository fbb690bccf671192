"""Forms of networks that are made once and kept in the cache of this machine, by the digest of what they are made of.

They are not kept beside the model, where they would have to be proven and shipped.
"""

from __future__ import annotations

from pathlib import Path

from segcli.data.files import digest_of
from segcli.weights.cache import cache_folder

FOLDER = "cut"
"""Folder in the cache."""
_SCHEMA = 1
_MOST_FILES = 64
_MOST_BYTES = 4 << 30


def kept_file(source: Path, kind: str) -> Path | None:
    """Where a form of a network is kept, whether it is there or not; None where there is no cache.

    Args:
        source: The file of the network; may be a kept one itself.
        kind: Which form of it.
    """
    try:
        folder = cache_folder() / FOLDER
        stem = source.stem if source.parent == folder else f"{digest_of(source)}-{_SCHEMA}"
        return folder / f"{stem}.{kind}.onnx"
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None


def keep_few(newest: Path) -> None:
    """Removes the oldest kept files beyond a number and a size; the newest stays."""
    total = 0
    known = [(path, path.stat()) for path in newest.parent.glob("*.onnx")]
    for number, (path, facts) in enumerate(sorted(known, key=lambda pair: -pair[1].st_mtime_ns)):
        total += facts.st_size
        if path != newest and (number >= _MOST_FILES or total > _MOST_BYTES):
            path.unlink(missing_ok=True)
