"""The standard input as an input: the content of one file, or a list of paths."""

from __future__ import annotations

import sys
from functools import partial

from segcli.data.copied_file import HEAD_BYTES, CopiedFile, copied, suffix_of
from segcli.data.decoding.headers import read_header
from segcli.errors import InputError

STANDARD_INPUT = "-"
_MOST_LIST_BYTES = 1 << 28
"""Largest list of paths: a million of 256 bytes each."""
_CHUNK_BYTES = 1 << 20


def read_piped() -> str | CopiedFile:
    """The standard input to its end: the text of a list, or a file.

    Raises:
        InputError: It is a terminal, empty, or a list that is too long.
    """
    if sys.stdin is None or sys.stdin.isatty():
        hint = "pipe a file into it: segcli predict - < image.jpg"
        raise InputError("the standard input is a terminal", path=STANDARD_INPUT, hint=hint)
    stream = sys.stdin.buffer
    head = stream.read(HEAD_BYTES)
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
    return copied("stdin", head, iter(partial(stream.read, _CHUNK_BYTES), b""))


def _is_text(head: bytes) -> bool:
    """Whether these first bytes can be those of a list: no file that is known, and no byte that text has not."""
    known = read_header(head) is not None or suffix_of(head)
    return not known and not any(byte < 32 and byte not in b"\t\r\n" for byte in head)
