"""The log of a run: all log lines from the start go to `train.log`, once the output folder is prepared."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

from segcli.log import SafeFormatter

_KEPT_LINES = 10_000
_LINE = "%(asctime)s %(levelname)s %(message)s"

log = logging.getLogger("segcli.train")


class _LogFile(logging.FileHandler):
    """A log file that warns once if it cannot be written, where Python would print a traceback for each line."""

    _has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Called by `logging` if a line could not be written."""
        if not self._has_failed:
            self._has_failed = True
            log.warning("%s cannot be written: %s", self.baseFilename, sys.exc_info()[1])


@contextmanager
def run_log(path: Path) -> Iterator[Callable[[bool], None]]:
    """Buffers log lines until the yielded function is called, which opens the file and writes them to it.

    The argument of that function says whether to append to an existing file.
    """
    root = logging.getLogger("segcli")
    level = root.level
    handler: logging.Handler = MemoryHandler(_KEPT_LINES, flushLevel=logging.CRITICAL + 1)
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO) if level else logging.INFO)

    def begin(keep: bool) -> None:
        nonlocal handler
        file = _LogFile(path, mode="a" if keep else "w", encoding="utf-8")
        file.setFormatter(SafeFormatter(_LINE))
        assert isinstance(handler, MemoryHandler)
        handler.setTarget(file)
        handler.close()
        root.removeHandler(handler)
        root.addHandler(file)
        handler = file

    try:
        yield begin
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
