"""The end of the process at any step: whatever changes files must leave the old state or the new one."""

from __future__ import annotations

import os
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
