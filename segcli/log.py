"""Logging of the entry points: what segcli reports while it works goes to the error stream."""

from __future__ import annotations

import logging
import os
import warnings

from segcli.console import error_console

_HANDLER = "segcli-terminal"
_LIBRARIES = r"(paddle|paddleseg|ppdet|numpy)\."


def configure_logging(*, debug: bool = False) -> None:
    """Shows the messages of segcli on the error stream, those of the libraries from warnings on.

    A second call replaces what the first one did. Only entry points call this: a program that imports segcli keeps its
    own logging.
    """
    from rich.logging import RichHandler

    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's C++ side tells of its allocator and threads below that
    warnings.filterwarnings("ignore", message="No ccache found")
    if not debug:  # what a library warns its callers of is no news to a person who trains
        warnings.filterwarnings("ignore", category=UserWarning, module=_LIBRARIES)
    handler = RichHandler(console=error_console(), show_path=debug, show_time=False, markup=False, highlighter=None)
    handler.name = _HANDLER
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.DEBUG if debug else logging.INFO)
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if other.name != _HANDLER]
    root.addHandler(handler)
    logging.getLogger("segcli").setLevel(logging.DEBUG if debug else logging.INFO)
