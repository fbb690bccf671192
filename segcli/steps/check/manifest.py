"""A cache of the facts of each file: the next check does not decode unchanged files again.

An entry is used only if path, size, inode and both timestamps of every file of a sample
are unchanged, and no file was modified within the two seconds before it was read (as in Git: a file may be
written twice within one clock tick). A manifest of another version, code, libraries, image range or pixel limit, or
a damaged one, is ignored completely, and a file with any fault is always read again, as are tiny files. Rules run
each time, so their settings may change between checks.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import PIL
import simplejpeg
from pydantic_core import from_json

from segcli.data.budget import max_pixels
from segcli.data.decoding.used_range import current_range
from segcli.data.files import atomic_path
from segcli.data.json_text import json_bytes
from segcli.version import __version__

log = logging.getLogger("segcli.check")

FILE = "check_dataset/manifest.sqlite"
MOST_ENTRIES = 200_000
"""Most samples that are kept, about 1,500 bytes each."""
_LEAST_BYTES = 2048
"""Of all files of a sample: smaller ones are decoded in about the time in which an entry is written or found."""
_SCHEMA = 3
_SETTLED_NS = 2_000_000_000
_AT_ONCE = 1000

T = TypeVar("T")

Row = tuple[bytes, str, bytes]


class Entry(NamedTuple):
    """A sample in the cache, or not yet.

    Attributes:
        files: Its files.
        begun: When it was asked for, before its files are read, in ns since 1970.
        row: Absolute paths of its files as bytes, as a name need not be a text in UTF-8; their sizes, timestamps and
            inodes; and the facts as JSON. None if the facts are unknown or must not be kept.
    """

    files: Sequence[str]
    begun: int
    row: Row | None = None


class Manifest:
    """Entries of the earlier check and of this one.

    Args:
        earlier: Database of the earlier check; None if there is none.
        target: Database for the entries of this check; None keeps nothing.
    """

    def __init__(self, earlier: sqlite3.Connection | None, target: sqlite3.Connection | None) -> None:
        self._earlier = earlier
        self._target = target
        self._waiting: list[Row] = []
        self._count = 0

    @property
    def are_kept(self) -> bool:
        """Whether entries are kept for the next check."""
        return self._target is not None

    def find(self, files: Sequence[str]) -> Entry:
        """The entry of a sample, whose files were not read yet."""
        begun = time.time_ns()
        if self._earlier is not None:
            key = self._key(files)
            with suppress(sqlite3.Error):
                row = self._earlier.execute("SELECT stamp, facts FROM entries WHERE name = ?", (key,)).fetchone()
                if row is not None and isinstance(row[1], bytes) and row[0] == _stamp(files, begun):
                    return Entry(files, begun, (key, *row))
        return Entry(files, begun)

    @staticmethod
    def is_worth_keeping(sizes: Sequence[int]) -> bool:
        """Whether files of so many bytes are not read again sooner than found here."""
        return sum(sizes) >= _LEAST_BYTES

    def renewed(self, entry: Entry, values: Any | None, sizes: Sequence[int]) -> Entry:
        """The entry with the facts of a sample as plain values, whose files were read since it was asked for.

        Without facts if these are None, which must not be kept, or the files are missing, too recent, or not those that
        were read: old files may have taken their place since.

        Args:
            entry: Returned by `find`.
            values: The facts.
            sizes: Bytes that were read of each file.
        """
        stamp = None if values is None else _stamp(entry.files, entry.begun, sizes)
        return entry._replace(row=None if stamp is None else (self._key(entry.files), stamp, json_bytes(values)))

    def _key(self, files: Sequence[str]) -> bytes:
        paths = (file if os.path.isabs(file) else os.path.join(self._folder, file) for file in files)  # noqa: PTH117, PTH118
        return os.fsencode("\0".join(paths))  # no name of a file holds a NUL

    @cached_property
    def _folder(self) -> str:
        """Asked for at the first relative path: a working folder may be gone."""
        return os.getcwd()  # noqa: PTH109

    def keep(self, entry: Entry) -> None:
        """Keeps an entry for the next check."""
        if entry.row is not None and self._count < MOST_ENTRIES:
            self._count += 1
            self._waiting.append(entry.row)
            if len(self._waiting) >= _AT_ONCE:
                self.flush()

    def flush(self) -> None:
        """Writes pending entries; after a failure, such as a full disk, nothing more is kept."""
        if self._target is not None:
            try:
                with self._target:
                    self._target.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", self._waiting)
            except sqlite3.Error as fault:
                log.warning("the next check reads all files again: the manifest cannot be written (%s)", fault)
                self._target = None
        self._waiting.clear()


@contextmanager
def opened(path: Path | None, kind: str) -> Iterator[Manifest]:
    """Opens a manifest; the new one replaces the file when the block ends without an error.

    Args:
        path: The file; None disables the cache.
        kind: Kind of dataset of the entries.
    """
    if path is None:
        yield Manifest(None, None)
        return
    settings = _settings(kind)
    try:
        with ExitStack() as opening:
            earlier, target = _open_earlier(path, settings), _make(opening.enter_context(atomic_path(path)), settings)
            opening.callback(target.close)
            stack = opening.pop_all()
    except (OSError, sqlite3.Error) as fault:
        log.warning("the next check reads all files again: %s cannot be written (%s)", path, fault)
        yield Manifest(None, None)
        return
    try:
        yield (manifest := Manifest(earlier, target))
        manifest.flush()
    except BaseException:
        stack.__exit__(*sys.exc_info())
        raise
    finally:
        if earlier is not None:
            earlier.close()
    try:
        stack.close()
    except OSError as fault:
        log.warning("the next check reads all files again: %s cannot be written (%s)", path, fault)


def _make(path: Path, settings: str) -> sqlite3.Connection:
    """Creates an empty database without journal and waits, as the file is only used when it is complete."""
    target = sqlite3.connect(path)
    target.execute("PRAGMA journal_mode = OFF")
    target.execute("PRAGMA synchronous = OFF")
    target.execute("CREATE TABLE settings (value TEXT)")
    target.execute("CREATE TABLE entries (name BLOB PRIMARY KEY, stamp TEXT, facts BLOB)")
    target.execute("INSERT INTO settings VALUES (?)", (settings,))
    target.commit()
    return target


def recall(entry: Entry, read: Callable[[Any], T]) -> T | None:
    """The facts of a sample from the cache; None if they are not in it, or damaged.

    Args:
        entry: Entry returned by `Manifest.find`.
        read: Converts plain values to facts; raises an error if they are damaged.
    """
    if entry.row is not None:
        with suppress(ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError):
            return read(from_json(entry.row[2]))
    return None


def _stamp(files: Sequence[str], begun: int, sizes: Sequence[int] | None = None) -> str | None:
    """What tells whether files are unchanged; None if they are missing, were changed within two seconds before `begun`,
    or since, or have other sizes than these."""
    try:
        stats = [os.stat(file) for file in files]  # noqa: PTH116 - five times faster
    except (OSError, ValueError):
        return None
    if sizes is not None and [one.st_size for one in stats] != list(sizes):
        return None
    if begun - max([max(one.st_mtime_ns, one.st_ctime_ns) for one in stats]) < _SETTLED_NS:
        return None
    return " ".join([f"{one.st_size} {one.st_mtime_ns} {one.st_ctime_ns} {one.st_ino}" for one in stats])


def _open_earlier(path: Path, settings: str) -> sqlite3.Connection | None:
    """Database of the last check; None if it is missing, unreadable, empty, or was made with other settings."""
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        return None
    with suppress(sqlite3.Error):
        has_entries = connection.execute("SELECT EXISTS (SELECT 1 FROM entries)").fetchone()[0]
        if has_entries and connection.execute("SELECT value FROM settings").fetchall() == [(settings,)]:
            return connection
    connection.close()
    return None


def _settings(kind: str) -> str:
    """Everything besides the files that the facts depend on, as JSON."""
    libraries = (cv2.__version__, np.__version__, PIL.__version__, getattr(simplejpeg, "__version__", ""))
    return json.dumps([_SCHEMA, __version__, _code(), kind, libraries, repr(current_range()), max_pixels()])


def _code() -> str:
    """A digest that changes with the code that produces the facts."""
    here = Path(__file__).parent
    digest = blake2b(digest_size=16)
    for path in sorted([*here.glob("*.py"), *(here.parents[1] / "data").rglob("*.py")]):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
