"""Signals that end a command (Ctrl-C, SIGTERM, SIGHUP): an exception, at once or after work that must be whole.

A signal that the surrounding program handles itself, or ignores as under ``nohup``, is left to it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask for the end; Windows has no SIGHUP."""
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)


class Stopped(KeyboardInterrupt):
    """A signal that ends this process.

    Attributes:
        number: The signal.
        message: What happened, for the person at the terminal.
        hint: How to go on.
        details: Further entries of the result file.
    """

    def __init__(
        self,
        number: int = signal.SIGINT,
        message: str | None = None,
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.number = int(number)
        self.message = message or f"stopped by {name_of(number)}"
        self.hint = hint
        self.details = dict(details or {})
        super().__init__(self.message)

    @property
    def exit_code(self) -> int:
        """The shell's code for an end by this signal: 130, 143 or 129."""
        return 128 + self.number


def name_of(number: int) -> str:
    """The usual name of a signal."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@dataclass
class Request:
    """A request to end that waits until it is read.

    Attributes:
        number: The signal that came; None while none has.
        answer: What is shown at once when it comes.
    """

    answer: str
    number: int | None = None


@dataclass
class _State:
    request: Request | None = None


_state = _State()


@contextmanager
def listening() -> Iterator[None]:
    """Inside the block each of `ENDING` raises `Stopped` in the main thread.

    Other threads cannot set handlers: there the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, handler in before.items() if handler in _DEFAULTS]
    try:
        for number in ours:
            signal.signal(number, _on_signal)
        with without_paddles_handler():
            yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextmanager
def postponed(answer: str) -> Iterator[Request]:
    """Inside the block the first signal is only noted, after `answer` was shown; a second one stops at once."""
    before, _state.request = _state.request, Request(answer)
    try:
        with listening():
            yield _state.request
    finally:
        _state.request = before


@contextmanager
def at_once() -> Iterator[None]:
    """Work inside `postponed` that may be broken off anywhere: the first signal raises here, and stays noted."""
    request, _state.request = _state.request, None
    try:
        yield
    except Stopped as stop:
        if request is not None and request.number is None:
            request.number = stop.number
        raise
    finally:
        _state.request = request


@contextmanager
def hangup_stops(stop: Callable[[], None]) -> Iterator[None]:
    """Inside the block SIGHUP calls `stop` where it would raise: for a service, which ends when all is answered."""
    number = getattr(signal, "SIGHUP", None)
    if threading.current_thread() is not threading.main_thread() or number is None:
        yield
        return
    before = signal.getsignal(number)
    if before not in (_on_signal, signal.SIG_DFL):  # ignored, as under nohup, or handled by the program around
        yield
        return
    signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(number, before)


def _on_signal(number: int, _frame: object) -> None:
    request = _state.request
    if request is None or request.number is not None:
        raise Stopped(number)
    request.number = number
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):  # logging could be in the middle of a line
            os.write(sys.__stderr__.fileno(), f"\n{request.answer}\n".encode())


@contextmanager
def without_paddles_handler() -> Iterator[None]:
    """Importing paddle inside the block leaves the handlers of `ENDING` as they are.

    Paddle installs a handler of its own for SIGTERM below Python's, which prints a banner and a C++ stack.
    """
    finder = _AfterPaddle()
    if "paddle.base" in sys.modules:
        _reinstall()
    else:
        sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


def _reinstall() -> None:
    """Puts Python's handlers, which a library's C++ code has replaced, back into force."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDING:
        handler = signal.getsignal(number)
        if handler is not None:
            signal.signal(number, handler)


class _AfterPaddle(MetaPathFinder):
    """Finds `paddle.base` as Python does, and reinstalls the handlers when it has been executed."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module's own specification, whose execution ends with `_reinstall`."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "paddle.base" else None
        loader = None if spec is None else spec.loader
        if loader is None:
            return spec
        execute = loader.exec_module

        def execute_and_reinstall(module: ModuleType) -> None:
            execute(module)
            _reinstall()

        loader.exec_module = execute_and_reinstall  # type: ignore[method-assign]
        return spec
