"""Checksums of large files that are asked for at every start, kept while the files stay as they are.

Reading an exported model's weights takes as long as a small image through the network. A file counts as unchanged while
its size, its inode and the times of its last changes are the same. The time at which the inode changed cannot be set by
a user, so it also tells a file that was written over and given its old time; where the system has no such time,
checksums are kept for this process alone.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from segcli.data.files import sha256_of, write_json_atomic
from segcli.weights.cache import cache_folder

log = logging.getLogger("segcli.weights")

FILE = "digests.json"
"""Checksums in the cache, by path."""
_LEAST_BYTES = 1 << 20
"""A smaller file is read as fast as the kept checksums are."""
_MOST_FILES = 256
_SETTLED_SECONDS = 2
"""A file that changed within the last step of the clock may change again without a new time."""

Facts = tuple[int, ...]


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal: read once while the file stays as it is.

    Raises:
        OSError: The file cannot be read.
    """
    return _digest(path.resolve(), facts_of(path))


@lru_cache(maxsize=_MOST_FILES)
def _digest(path: Path, facts: Facts) -> str:
    if facts[0] < _LEAST_BYTES or os.name != "posix":
        return sha256_of(path)
    file = _file()
    kept = {} if file is None else _read(file)
    known = kept.get(str(path))
    if isinstance(known, list) and len(known) == 2 and known[0] == list(facts):
        return str(known[1])
    digest = sha256_of(path)
    if file is not None and is_settled(facts) and facts_of(path) == facts:
        kept.pop(str(path), None)
        newest = [*kept.items(), (str(path), [facts, digest])][-_MOST_FILES:]
        try:
            write_json_atomic(file, dict(newest))
        except (OSError, UnicodeError) as fault:  # UnicodeError: the path is no text
            log.debug("checksums cannot be kept: %s", fault)
    return digest


def facts_of(path: Path) -> Facts:
    """Size, both times and identity of a file."""
    known = path.stat()
    return known.st_size, known.st_mtime_ns, known.st_ctime_ns, known.st_ino, known.st_dev


def is_settled(facts: Facts) -> bool:
    """Whether a file that changes again will have other facts."""
    return time.time_ns() - max(facts[1:3]) > _SETTLED_SECONDS * 10**9


def _file() -> Path | None:
    try:
        return cache_folder() / FILE
    except RuntimeError:  # there is no home folder
        return None


def _read(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}
