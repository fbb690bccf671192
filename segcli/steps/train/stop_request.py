"""A request to stop, passed from the user's process to the training processes: a file in the output folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segcli.data.files import write_text_atomic
from segcli.signals import Request, postponed

STOP_FILE = ".processes_stop"
_LOOK_S = 0.5
_NOTICE = "stopping: the processes agree on an iteration and write a checkpoint (signal again to stop at once)"


def asked_to_stop(output: Path) -> int | None:
    """The signal that was passed on to the training in `output`; None for none."""
    try:
        return int((output / STOP_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def signals_passed_on(output: Path) -> Iterator[None]:
    """Inside the block, the first signal is relayed to the processes that train in `output`; a second one is raised.

    A thread polls for it, because the main thread blocks while it reads the output of the processes.
    """
    file, done = output / STOP_FILE, threading.Event()
    file.unlink(missing_ok=True)

    def watch(request: Request) -> None:
        while not done.wait(_LOOK_S):
            if request.number is not None:
                write_text_atomic(file, str(request.number))
                return

    with postponed(_NOTICE) as request:
        watcher = threading.Thread(target=watch, args=(request,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            file.unlink(missing_ok=True)
