"""Log lines, progress and pages show names of unknown origin without obeying them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from rich.console import Console

from segcli import progress
from segcli.log import SafeFormatter
from segcli.steps.check.html import _environment
from segcli.steps.train.run_log import run_log

NASTY = "a\x1b]0;owned\x07\x1b[2J\udcff\u202e\nERROR forged"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J\xff\u202e"


def test_log_lines_show_escapes() -> None:
    record = logging.LogRecord("segcli", logging.INFO, "", 0, "reading %s", (NASTY,), None)

    assert SafeFormatter("%(levelname)s %(message)s").format(record) == f"INFO reading {SHOWN}\n    ERROR forged"


def test_log_file_of_a_training_shows_escapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # half a character in a captured log ends the worker of a parallel run
    monkeypatch.setattr(logging.getLogger("segcli"), "propagate", False)
    with run_log(tmp_path / "train.log") as begin:
        begin(False)
        logging.getLogger("segcli.train").warning("class %s", NASTY)

    text = (tmp_path / "train.log").read_text(encoding="utf-8")

    assert SHOWN in text
    assert "\x1b" not in text
    assert not any(line.startswith("ERROR") for line in text.splitlines())


def test_progress_lines_show_escapes(monkeypatch, capsys) -> None:
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    monkeypatch.setattr(progress, "error_console", lambda: Console(stderr=True, force_terminal=True, width=120))

    list(progress.rich_reporter([1, 2], "reading [bold]\x1b]0;owned\x07", 2))

    shown = capsys.readouterr().err
    assert "[bold]" in shown
    assert "\x1b]0;" not in shown


def test_pages_show_escapes() -> None:
    page = _environment().from_string("<p>{{ name }}</p>{{ mark }}").render(name=f"<b>{NASTY}", mark=_markup())

    assert page == f"<p>&lt;b&gt;{SHOWN}\nERROR forged</p><i>kept</i>"
    page.encode("utf-8")


def _markup() -> object:
    from markupsafe import Markup

    return Markup("<i>kept</i>")
