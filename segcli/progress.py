"""Progress of long jobs: commands report it, only entry points show it.

A command wraps its loop in `track`; nothing is shown unless an entry point has installed a reporter with `reporting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from segcli.console import error_console, is_watched
from segcli.text import safe

T = TypeVar("T")
Reporter = Callable[[Iterable[T], str, int], Iterable[T]]
"""Passes the items on, given them, a label and how many there are (0: nobody knows)."""


def _silent(items: Iterable[T], _label: str, _total: int) -> Iterable[T]:
    return items


def rich_reporter(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """A bar on the terminal's error stream, gone when done; without a total it tells for how long work goes on."""
    if not is_watched():
        yield from items
        return
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    how_far: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *(how_far if total else (TimeElapsedColumn(),)))
    console = error_console()
    with Progress(*columns, console=console, transient=True) as bar:
        # escaped, for rich takes brackets in a file's name for its own marks
        yield from bar.track(items, total=total or None, description=escape(safe(label)))


_reporter: ContextVar[Reporter[Any]] = ContextVar("reporter", default=_silent)


@contextmanager
def reporting(reporter: Reporter[Any]) -> Iterator[None]:
    """Shows progress through `reporter` inside the block."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def track(items: Iterable[T], label: str, total: int) -> Iterable[T]:
    """The items, while the progress through them is reported."""
    return _reporter.get()(items, label, total)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Reports that the block is at work, where its progress cannot be known."""
    shown_once = iter(track((None,), label, 0))
    next(shown_once)
    try:
        yield
    finally:
        for _ in shown_once:
            pass


def shown() -> bool:
    """Whether bars are shown: by a program that reports progress, where a person looks."""
    return _reporter.get() is not _silent and is_watched()
