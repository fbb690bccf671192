"""Text of unknown origin made safe for a terminal, and lines that fit it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from typing import IO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLUMNS = 80


def safe(text: object) -> str:
    """The text with escape sequences, undecodable bytes and marks that turn the direction as visible escapes."""
    return _CONTROL.sub(_escaped, str(text))


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a file name that is no UTF-8
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def columns() -> int:
    """Columns of the terminal; 80 where there is none, unless COLUMNS says otherwise."""
    return shutil.get_terminal_size((_COLUMNS, 24)).columns


def wrapped(text: str, first: str = "", later: str | None = None) -> list[str]:
    """Lines that fit the terminal; words such as paths are never broken."""
    indent = " " * len(first) if later is None else later
    lines: list[str] = []
    for number, line in enumerate(text.splitlines() or [""]):
        begin = first if number == 0 else indent
        lines += textwrap.wrap(
            line,
            max(columns(), 20),
            initial_indent=begin,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [begin.rstrip()]
    return lines


def ensure_streams() -> None:
    """Opens the standard streams that were closed before the program began (``<&-``, ``>&-``), to and from nowhere.

    Without it the next file that is opened takes the place of the output, and libraries print into it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free descriptor is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def prepare_streams() -> None:
    """Lets the standard streams survive whatever is printed: what their encoding lacks becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def mark(stream: IO[str], *, good: bool) -> str:
    """A tick or a cross, in letters where the stream cannot show them."""
    sign, letters = ("✔", "ok:") if good else ("✘", "failed:")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return letters
    return sign


def takes_colours(stream: IO[str]) -> bool:
    """Whether the stream is a terminal on which colours are not declined."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def without_password(url: str) -> str:
    """A URL as messages and result files show it: without user and password.

    >>> without_password("rtsp://me:secret@camera/stream?a=b@c")
    'rtsp://camera/stream?a=b@c'
    """
    return re.sub(r"(?<=://)[^/?#]*@", "", url)
