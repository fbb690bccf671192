"""The standard input as an input: the content of one file, or a list of paths."""

from __future__ import annotations

import shutil
import sys
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

from segcli.data.decoding.headers import read_header
from segcli.data.foreign_content import HEIF_BRANDS
from segcli.errors import InputError

STANDARD_INPUT = "-"
_HEAD_BYTES = 4096
_MOST_LIST_BYTES = 1 << 28
"""Largest list of paths: a million of 256 bytes each."""
_SUFFIXES = ((b"%PDF", ".pdf"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"II+\0", ".tif"), (b"MM\0+", ".tif"))
"""First bytes of files of several pages, and the suffix by which they are opened."""
_BOX_TYPE, _BRAND = slice(4, 8), slice(8, 12)


@dataclass(frozen=True)
class Piped:
    """A file that came from the standard input; the copy on disk is deleted once nobody holds this.

    Attributes:
        path: The copy, with a suffix that fits its content.
    """

    path: Path


def read_piped() -> str | Piped:
    """The standard input to its end: the text of a list, or a file.

    Raises:
        InputError: It is a terminal, empty, or a list that is too long.
    """
    if sys.stdin is None or sys.stdin.isatty():
        hint = "pipe a file into it: segcli predict - < image.jpg"
        raise InputError("the standard input is a terminal", path=STANDARD_INPUT, hint=hint)
    stream = sys.stdin.buffer
    head = stream.read(_HEAD_BYTES)
    if not head:
        raise InputError("the standard input is empty", path=STANDARD_INPUT)
    if _is_text(head):
        text = head + stream.read(_MOST_LIST_BYTES)
        if len(text) > _MOST_LIST_BYTES:
            raise InputError("the list is longer than 256 MiB", path=STANDARD_INPUT)
        try:
            return text.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            raise InputError(f"the list cannot be read: {fault}", path=STANDARD_INPUT) from fault
    folder = Path(tempfile.mkdtemp(prefix="segcli-stdin-"))
    piped = Piped(folder / f"stdin{_suffix(head)}")
    weakref.finalize(piped, shutil.rmtree, folder, ignore_errors=True)
    with piped.path.open("wb") as file:
        file.write(head)
        shutil.copyfileobj(stream, file)
    return piped


def _is_text(head: bytes) -> bool:
    """Whether these first bytes can be those of a list: no file that is known, and no byte that text has not."""
    known = read_header(head) is not None or _suffix(head)
    return not known and not any(byte < 32 and byte not in b"\t\r\n" for byte in head)


def _suffix(head: bytes) -> str:
    if head[_BOX_TYPE] == b"ftyp":
        return "" if head[_BRAND] in HEIF_BRANDS else ".mp4"
    return next((suffix for begin, suffix in _SUFFIXES if head.startswith(begin)), "")
