"""Settings that a process keeps in an environment variable, so that the processes it starts have them too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def restored(name: str, forget: Callable[[], object]) -> Iterator[None]:
    """Gives an environment variable its value back after the block.

    Args:
        name: The variable.
        forget: Called then, to forget what was read from it.
    """
    before = os.environ.get(name)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
        forget()
