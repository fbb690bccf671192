"""The one console on the error stream: log lines and progress bars that share it do not write over each other."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def is_watched() -> bool:
    """Whether a person looks at the error stream; told without rich, which takes a while to import."""
    return sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))


@cache
def error_console() -> Console:
    """The console of messages and progress; results go to the output stream instead."""
    from rich.console import Console

    return Console(stderr=True)
