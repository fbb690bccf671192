"""Logging of the entry points: what segcli reports while it works goes to the error stream."""

from __future__ import annotations

import logging
import os
import warnings
from functools import cached_property

from segcli.console import error_console, is_watched
from segcli.text import safe

_HANDLER = "segcli-terminal"
_LIBRARIES = r"(paddle|paddleseg|ppdet|numpy)\."


class SafeFormatter(logging.Formatter):
    """Shows escape sequences and undecodable bytes of names as visible escapes: a class name must not steer a terminal.

    Line breaks stay, and what follows them is indented, so that no name can pass itself off as a line of the log.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return safe(super().format(record)).replace("\n", "\n    ")


class _TerminalFormatter(SafeFormatter):
    """The message alone, after its level where that is a warning or worse: as in the other messages of a command."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        shown = super().format(record)
        return shown if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {shown}"


class _TerminalHandler(logging.Handler):
    """Lines through rich, which is imported for the first of them: a fault is told without it.

    Where nobody watches, lines are written as they are, not broken at a width that nobody chose.
    """

    def __init__(self, *, show_path: bool) -> None:
        super().__init__()
        self._show_path = show_path

    @cached_property
    def _lines(self) -> logging.Handler:
        if not is_watched() and not self._show_path:
            plain = logging.StreamHandler()
            plain.setFormatter(self.formatter)
            return plain
        from rich.logging import RichHandler

        console = error_console()
        lines = RichHandler(
            console=console,
            show_path=self._show_path,
            show_time=False,
            show_level=False,
            markup=False,
            highlighter=None,
        )
        lines.setFormatter(self.formatter)
        return lines

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line of a record."""
        self._lines.emit(record)


def configure_logging(*, debug: bool = False) -> None:
    """Shows the messages of segcli on the error stream, those of the libraries from warnings on.

    A second call replaces what the first one did. Only entry points call this: a program that imports segcli keeps its
    own logging.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's C++ side tells of its allocator and threads below that
    warnings.filterwarnings("ignore", message="No ccache found")
    if not debug:  # what a library warns its callers of is no news to a person who trains
        warnings.filterwarnings("ignore", category=UserWarning, module=_LIBRARIES)
    handler = _TerminalHandler(show_path=debug)
    handler.name = _HANDLER
    handler.setFormatter(_TerminalFormatter("%(message)s"))
    handler.setLevel(logging.DEBUG if debug else logging.INFO)
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if other.name != _HANDLER]
    root.addHandler(handler)
    logging.getLogger("segcli").setLevel(logging.DEBUG if debug else logging.INFO)
