"""Ends a worker process when the process that started it has ended, for whatever reason.

Nobody tells a process that its parent was killed. The launching process therefore holds the writing end of a pipe that
is the standard input of all processes below it; the operating system closes it with its holder.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

END_WITH_PARENT = "SEGCLI_ENDS_WITH_INPUT"
"""Set where the standard input is such a pipe."""
_EXIT_CODE = 1


def end_with_parent() -> None:
    """Ends this process at once when the launching process is gone; does nothing where no pipe was given."""
    if END_WITH_PARENT in os.environ:
        threading.Thread(target=_watch, args=(sys.__stdin__,), name="segcli-parent", daemon=True).start()


def _watch(pipe: Any) -> None:
    while os.read(pipe.fileno(), 1):
        pass
    # finally-blocks could wait for the other processes, which end as well
    os._exit(_EXIT_CODE)
