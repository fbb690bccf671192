"""The core of OpenVINO, of which a process has one."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

_lock = Lock()


def shared_core() -> Any:
    """The `openvino.Core` of this process, which stays until the process ends; may be asked for in any thread.

    A core that uses the CPU gives its thread another stack for signal handlers, and takes it away with itself. With
    several cores, or where another thread frees the last reference, OpenVINO 2026.4 leaves the thread with a stack
    that is no longer there: the next signal, be it Ctrl-C or the end of a loading process, then overwrites whatever
    has taken its place, or ends the process by a segmentation fault.
    """
    with _lock:
        return _core()


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()
