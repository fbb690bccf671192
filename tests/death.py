"""The end of the process at any step: whatever changes files must leave the old state or the new one."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

_MUTATORS = ("rename", "replace", "unlink", "mkdir", "rmdir")


class Killed(BaseException):
    """Stands for the end of the process."""


class Death:
    """From its `at`-th call on, every call that changes a file's name or a folder ends the process; None is never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int | None = None) -> None:
        self.calls, self.at = 0, at
        for name in _MUTATORS:
            monkeypatch.setattr(os, name, self._mortal(getattr(os, name)))

    def _mortal(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.at is not None and self.calls >= self.at:
                raise Killed
            return function(*args, **kwargs)

        return run


def calls_of(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """In how many places `work` can die."""
    with monkeypatch.context() as patch:
        death = Death(patch)
        work()
    return death.calls


def die(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch, at: int) -> bool:
    """Ends `work` at its `at`-th step; False when it has fewer."""
    with monkeypatch.context() as patch:
        Death(patch, at)
        try:
            work()
        except Killed:
            return True
    return False


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.utime"}
)


def kill(work: Callable[[], object], at: int) -> bool:
    """Does `work` in a child that is killed (SIGKILL) before its `at`-th event that changes a file or a folder.

    Returns:
        False when it has fewer.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kill_self(at)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0, "see the traceback above"
    return os.WIFSIGNALED(status)


def events_of(work: Callable[[], object]) -> int:
    """How many events `kill` finds in `work`, which is done to its end in a child."""
    reading, writing = os.pipe()

    def counted() -> None:
        events = 0

        def count() -> None:
            nonlocal events
            events += 1

        at_each_event(count)
        work()
        os.write(writing, str(events).encode())

    try:
        assert not kill(counted, sys.maxsize)
        return int(os.read(reading, 32))
    finally:
        os.close(reading)
        os.close(writing)


def moments(events: int, stride: int) -> list[int]:
    """Every `stride`-th event, and the last one.

    >>> moments(5, 3), moments(5, 9)
    ([1, 4, 5], [1, 5])
    """
    return [*range(1, events, stride), events]


def kill_self(at: int) -> None:
    """Kills this process before its `at`-th event from now on."""
    left = at

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    at_each_event(count)


def at_each_event(call: Callable[[], None]) -> None:
    """Calls something before each event that changes a file or a folder, until the process ends."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            call()

    sys.addaudithook(hook)
