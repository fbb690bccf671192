"""Files appear whole or not at all, and an original is never overwritten by its backup."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from segcli.data.json_writer import json_pieces
from segcli.data.temporary import MARK, lasting_path, temporary_file, temporary_folder
from segcli.disk import FULL
from segcli.errors import SegcliError

StrPath = str | os.PathLike[str]


@contextmanager
def naming(target: Path) -> Iterator[None]:
    """An error inside the block names `target`, or what is in it, not what is temporary.

    That of a full disk names no file, or the temporary one.
    """
    try:
        yield
    except SegcliError as error:
        if error.path is not None and MARK in error.path:
            error.path = str(lasting_path(Path(error.path)))
        raise
    except OSError as error:
        if error.errno in FULL:
            error.filename = str(target)
        raise


def is_file(path: StrPath) -> bool:
    """Whether a file is there and may be seen; a name that no file can have, because it is too long or odd, is not.

    For names from a dataset, as the two below: those of `Path` raise where a name is too long, or where a folder on the
    way may not be searched (Python 3.11).
    """
    return os.path.isfile(path)  # noqa: PTH113


def is_dir(path: StrPath) -> bool:
    """Whether a folder is there and may be seen."""
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: StrPath) -> bool:
    """Whether something is there and may be seen."""
    return os.path.exists(path)  # noqa: PTH110


_SPECIAL = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"))


def require_regular(path: StrPath) -> None:
    """Refuses what can be opened and never ends: a named pipe that nobody writes to, `/dev/zero`, a terminal.

    Raises:
        OSError: It is one of these, or cannot be looked at.
    """
    _require_ending(os.stat(path).st_mode, path)  # noqa: PTH116 - the path may be a text


def _require_ending(mode: int, path: StrPath) -> None:
    for is_kind, name in _SPECIAL:
        if is_kind(mode):
            raise OSError(errno.EINVAL, f"is {name}, not a file; write its content into a file first", str(path))


def _require_content(mode: int, path: StrPath) -> None:
    _require_ending(mode, path)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def read_bytes(path: StrPath) -> bytes:
    """The content of a file of unknown origin.

    Raises:
        OSError: It cannot be read, or is no file but something that may never end.
    """
    file = _opened(path)
    try:
        data = _small_content(file)
        return _content(file, path)[0] if data is None else data
    finally:
        os.close(file)


def read_start(path: StrPath, most_bytes: int) -> tuple[bytes, int]:
    """The first bytes of a file of unknown origin, and the size of all of it.

    Raises:
        OSError: As for `read_bytes`.
    """
    file = _opened(path)
    try:
        return _content(file, path, most_bytes)
    finally:
        os.close(file)


_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A named pipe that nobody writes to is opened at once, and then refused."""
_BLOCK_BYTES = 1 << 20


def _opened(path: StrPath) -> int:
    """A file opened to be read, with half the system calls of `open`, for many small files."""
    try:
        return os.open(path, _READ)
    except OSError:
        require_regular(path)  # a socket cannot be opened
        raise


def _content(file: int, path: StrPath, most_bytes: int | None = None) -> tuple[bytes, int]:
    """The content of an opened file, or its beginning, and its size."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        _require_content(status.st_mode, path)
    size = status.st_size
    data = os.read(file, size + 1 if most_bytes is None else most_bytes)
    return (data if most_bytes is not None or len(data) == size else data + _rest(file)), size


def _small_content(file: int) -> bytes | None:
    """The content of a small file; None, with nothing read, of any other one and of what may be no file.

    Its end is found in a third of the time of asking for its kind and size. A pipe or a terminal has none, `/dev/zero`
    none but 0.
    """
    try:
        size = os.lseek(file, 0, os.SEEK_END)
        os.lseek(file, 0, os.SEEK_SET)
        data = os.read(file, size + 1) if 0 < size < _BLOCK_BYTES else b""
        if 0 < len(data) == size:
            return data
        os.lseek(file, 0, os.SEEK_SET)
    except OSError:
        pass  # a pipe, a terminal, a folder
    return None


def _rest(file: int) -> bytes:
    """What follows of a file that is larger than it states, or than one read gives."""
    parts = []
    while part := os.read(file, _BLOCK_BYTES):
        parts.append(part)
    return b"".join(parts)


def fitting_name(name: str, most_bytes: int = 200) -> str:
    """`name`, or its beginning with a mark of the whole, so that endings can be added: a file's name has 255 bytes.

    Names that begin alike stay different, and the same name is always cut alike.
    """
    data = os.fsencode(name)
    if len(data) <= most_bytes:
        return name
    mark = f"~{hashlib.sha256(data).hexdigest()[:8]}"
    return data[: most_bytes - len(mark)].decode("utf-8", "ignore") + mark


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends without an error.

    The data reach the disk before the rename, so that a killed run or a power cut leaves the old file or the new one.
    """
    with _in_place_of(target) as temporary:
        yield temporary
        flush_to_disk(temporary)


@contextmanager
def _in_place_of(target: Path) -> Iterator[Path]:
    """`atomic_path` for a block that sees to it that the data reach the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_file(target.parent, fitting_name(target.stem), target.suffix) as temporary, naming(target):
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)


def flush_to_disk(path: Path) -> None:
    """Returns when the content of a file that was written has reached the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def atomic_open(target: Path) -> Iterator[IO[bytes]]:
    """A binary file that becomes `target` when the block ends without an error."""
    with _in_place_of(target) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_bytes_atomic(target: Path, data: bytes) -> None:
    """Writes `data` as the whole content of `target`."""
    with atomic_open(target) as file:
        file.write(data)


def write_text_atomic(target: Path, text: str) -> None:
    """Writes `text` (UTF-8) as the whole content of `target`."""
    write_bytes_atomic(target, text.encode("utf-8", "backslashreplace"))


def write_json_atomic(target: Path, values: Any, *, indent: int = 2, ensure_ascii: bool = False) -> None:
    """Writes `values` as indented JSON (UTF-8); see `json_pieces`."""
    with atomic_open(target) as file:
        for piece in json_pieces(values, indent=indent, ensure_ascii=ensure_ascii):
            file.write(piece.encode("utf-8", "backslashreplace"))
        file.write(b"\n")


def backup_path(path: Path) -> Path:
    """The first free name among ``path.bak``, ``path.bak.1``, ``path.bak.2``, ..."""
    candidate = path.with_name(path.name + ".bak")
    number = 0
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}.bak.{number}")
    return candidate


_OUTGOING = ".outgoing"


def replace_folder(fresh: Path, target: Path) -> None:
    """Puts the finished folder `fresh` in the place of `target`.

    A kill between the two renames leaves the old folder under another name; `recover_folder` brings it back.
    """
    outgoing = _outgoing(target)
    if outgoing.exists():
        shutil.rmtree(outgoing)
    if target.exists():
        target.rename(outgoing)
    fresh.rename(target)
    shutil.rmtree(outgoing, ignore_errors=True)


def recover_folder(target: Path) -> None:
    """Undoes a `replace_folder` that was killed in the middle; does nothing otherwise."""
    outgoing = _outgoing(target)
    if outgoing.exists() and not target.exists():
        outgoing.rename(target)


def _outgoing(target: Path) -> Path:
    return target.with_name(f".{fitting_name(target.name)}{_OUTGOING}")


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `target` when the block ends without an error; else the old one stays."""
    recover_folder(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target.parent, fitting_name(target.name)) as scratch, naming(target):
        fresh = scratch / target.name
        fresh.mkdir()
        yield fresh
        replace_folder(fresh, target)


def sha256_of(path: str | Path) -> str:
    """Checksum of a file's bytes, hexadecimal."""
    require_regular(path)
    with Path(path).open("rb") as file:
        return sha256_of_rest(file)


def sha256_of_rest(file: IO[bytes]) -> str:
    """Checksum of what follows in an open file, hexadecimal; Python 3.10 has no `hashlib.file_digest`."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
