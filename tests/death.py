"""The end of the process at any step: whatever changes files must leave the old state or the new one."""

from __future__ import annotations

import os
import signal
import sys
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
            _kill_self(at)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def _kill_self(at: int) -> None:
    left = at

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
