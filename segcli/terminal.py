"""What a person sees: results on the output stream, faults on the error stream.

Failures are written without rich, so that a mistyped option answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from segcli.errors import ConfigFault
from segcli.plurals import counted

if TYPE_CHECKING:
    from rich.console import Console

    from segcli.findings import Finding

_RED, _YELLOW, _BOLD, _DIM, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
_SHOWN_FINDINGS = 20
Rows = Sequence[tuple[str, str]]


def show_failure(message: str, hint: str | None = None) -> None:
    """One error with its remedy."""
    paint = _painter(sys.stderr)
    lines = [f"{paint('error', _RED + _BOLD)}: {message}"]
    if hint:
        lines.append(f"  {paint('->', _YELLOW)} {hint}")
    _write(sys.stderr, lines)


def show_warning(message: str) -> None:
    """One line on the error stream about what goes on nevertheless."""
    paint = _painter(sys.stderr)
    _write(sys.stderr, [f"{paint('warning', _YELLOW + _BOLD)}: {message}"])


def show_faults(faults: Iterable[ConfigFault]) -> None:
    """All faults of a configuration."""
    faults = list(faults)
    paint = _painter(sys.stderr)
    lines = [f"{paint('error', _RED + _BOLD)}: {counted(len(faults), 'fault')} in the configuration"]
    for fault in faults:
        source = f"  {paint(fault.source, _DIM)}" if fault.source else ""
        lines.append(f"\n  {paint(fault.key, _BOLD)}{source}\n    {fault.message}")
        if fault.hint:
            lines.append(f"    {paint('->', _YELLOW)} {fault.hint}")
    _write(sys.stderr, lines)


def show_text(text: str) -> None:
    """A text as it is, on the output stream; YAML in colours where a person reads it."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.syntax import Syntax

    console().print(Syntax(text, "yaml", background_color="default"))


def show_markdown(text: str) -> None:
    """A Markdown text: laid out where a person reads it, as it is elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.markdown import Markdown

    console().print(Markdown(text))


def show_summary(title: str, rows: Rows, *, good: bool = True, result: Path | None = None) -> None:
    """The outcome of a command: a title, one line a value, and where to read on."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(Text.assemble(("✔ " if good else "✘ ", "green" if good else "red"), (title, "bold")))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(f"  {label}", Text(value))
    if result is not None:
        table.add_row("  result", Text(str(result)))
    out.print(table)


def show_findings(findings: Sequence[Finding], *, more: str | None = None) -> None:
    """The first findings as a table; `more` names where all of them are."""
    from rich.table import Table
    from rich.text import Text

    if not findings:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for name in ("code", "where", "what"):
        table.add_column(name, overflow="fold", no_wrap=name == "code")
    styles = {"error": "red", "warning": "yellow", "info": "blue"}
    for finding in findings[:_SHOWN_FINDINGS]:
        place = f"{finding.path}, {finding.location}" if finding.location else finding.path
        what = Text(finding.message)
        if finding.hint:
            what.append(f"\n-> {finding.hint}", style="dim")
        table.add_row(Text(finding.code, style=styles[finding.severity.value]), Text(place), what)
    out = console()
    out.print(table)
    if len(findings) > _SHOWN_FINDINGS:
        where = f"; all of them are in {more}" if more else ""
        out.print(f"... and {len(findings) - _SHOWN_FINDINGS} more{where}", style="dim", markup=False)
    out.print(f"segcli rule {findings[0].code} explains {findings[0].code}", style="dim", markup=False)
    out.print()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table with a header."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, header_style="cyan", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """The console of results: plain lines where the output is no terminal."""
    from rich.console import Console

    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


class _painter:  # noqa: N801 - used like a function
    """Colours a word where the stream is a terminal and colours are not declined."""

    def __init__(self, stream: IO[str]) -> None:
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR")

    def __call__(self, word: str, style: str) -> str:
        return f"{style}{word}{_PLAIN}" if self._colours else word


def _write(stream: IO[str], lines: Iterable[str]) -> None:
    stream.write("\n".join(lines) + "\n")
    stream.flush()
