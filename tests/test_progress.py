"""Bars where a person looks, nothing elsewhere; the work is the same."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from segcli import progress


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch):
    def with_terminal(is_terminal: bool) -> io.StringIO:
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=is_terminal, width=80)
        monkeypatch.setattr(progress, "error_console", lambda: console)
        monkeypatch.setattr(progress, "is_watched", lambda: is_terminal)
        return stream

    return with_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_items_pass_and_bars_are_for_terminals(is_terminal: bool, screen):
    stream = screen(is_terminal)
    with progress.reporting(progress.rich_reporter), progress.working("exporting"):
        assert progress.shown() is is_terminal
        assert list(progress.track(range(3), "checking", 3)) == [0, 1, 2]
    shown = stream.getvalue()
    assert all((word in shown) is is_terminal for word in ("exporting", "checking", "3/3"))
    assert is_terminal or shown == ""


def test_an_error_ends_the_bar(screen):
    stream = screen(True)
    with pytest.raises(ZeroDivisionError), progress.reporting(progress.rich_reporter), progress.working("work"):
        raise ZeroDivisionError
    assert stream.getvalue().endswith("\x1b[?25h") or "\x1b[2K" in stream.getvalue()


def test_nothing_is_shown_without_a_reporter():
    with progress.working("work"):
        assert not progress.shown()
