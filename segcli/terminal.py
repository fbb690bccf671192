"""What a person sees: results on the output stream, faults on the error stream.

Most of it is written without rich, so that a mistyped option answers at once and lines fit any terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING

from segcli import json_output
from segcli.errors import ConfigFault
from segcli.plurals import counted, listed
from segcli.text import mark, prepare_streams, safe, takes_colours, wrapped

if TYPE_CHECKING:
    from rich.console import Console

    from segcli.findings import Finding

_RED, _GREEN, _YELLOW, _BLUE, _CYAN = (f"\x1b[{number}m" for number in (31, 32, 33, 34, 36))
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_SHOWN_RULES = 20
_SHOWN_PER_RULE = 3
"""Findings of one rule that are shown whole; of the others only the first names, as they say the same."""
_LONGEST_NAME = 40
"""Columns that a name in a table keeps on a narrow terminal."""
COMMAND = "command"
"""Origin of what a command itself says: nothing that a person has typed."""
Missing = Mapping[str, tuple[str, str]]
"""By key of the configuration: what is said where it is missing, and what to type then."""
_words: ContextVar[tuple[Mapping[str, str], Missing]] = ContextVar("words", default=({}, {}))
Rows = Sequence[tuple[str, str]]


@contextmanager
def speaking(names: Mapping[str, str], missing: Missing) -> Iterator[None]:
    """Inside the block, messages are in the words of a command.

    Args:
        names: By key of the configuration: the option by which the person knows it.
        missing: By key: what is said where it is missing, and what to type then.
    """
    token = _words.set((names, missing))
    try:
        yield
    finally:
        _words.reset(token)


def _spoken(text: str) -> str:
    for key, name in sorted(_words.get()[0].items(), key=lambda entry: -len(entry[0])):
        text = text.replace(f"{key}=", f"{name} ").replace(key, name)
    return text


def show_failure(message: str, hint: str | None = None) -> None:
    """One error with its remedy."""
    json_output.tell_shown("done_flag", False)
    json_output.tell_shown("err_msg", message)
    json_output.tell_shown("hint", hint)
    message, hint = _spoken(message), _spoken(hint) if hint else None
    paint = _painter(sys.stderr)
    lines = _paragraph(message, paint("error", _RED + _BOLD) + ": ", 7)
    if hint:
        lines += _paragraph(hint, f"  {paint('->', _YELLOW)} ", 5)
    _write(sys.stderr, lines)


def show_warning(message: str) -> None:
    """One line on the error stream about what goes on nevertheless."""
    paint = _painter(sys.stderr)
    _write(sys.stderr, _paragraph(message, paint("warning", _YELLOW + _BOLD) + ": ", 9))


def show_faults(faults: Iterable[ConfigFault], title: str = "{} in the configuration") -> None:
    """All faults of a configuration."""
    faults = list(faults)
    paint = _painter(sys.stderr)
    lines = [f"{paint('error', _RED + _BOLD)}: {title.format(counted(len(faults), 'fault'))}"]
    for fault in faults:
        of_keys = (fault.source or "").startswith("-o")  # a person who typed keys gets messages with keys
        say = str if of_keys else _spoken
        name = say(fault.key)
        source = f"  {paint(safe(fault.source), _DIM)}" if fault.source not in (None, name, COMMAND) else ""
        message, hint = say(fault.message), fault.hint and say(fault.hint)
        if fault.message.startswith("is missing"):
            message, hint = _words.get()[1].get(fault.key, (message, hint))
        lines += ["", f"  {paint(safe(name), _BOLD)}{source}", *wrapped(safe(message), "    ")]
        if hint:
            lines += _paragraph(hint, f"    {paint('->', _YELLOW)} ", 7)
    _write(sys.stderr, lines)


def show_text(text: str) -> None:
    """A text as it is, on the output stream; YAML in colours where a person reads it."""
    prepare_streams()
    if not sys.stdout.isatty():
        _put(sys.stdout, text)
        return
    from rich.syntax import Syntax

    console().print(Syntax(text, "yaml", background_color="default"))


def show_markdown(text: str) -> None:
    """A Markdown text: laid out where a person reads it, its source in lines that fit elsewhere."""
    prepare_streams()
    if not sys.stdout.isatty():
        _write(sys.stdout, _wrapped_markdown(text))
        return
    from rich.markdown import Markdown

    console().print(Markdown(text))


def _wrapped_markdown(text: str) -> Iterator[str]:
    """The lines of a Markdown text, long paragraphs wrapped; what stands in fences stays as it is."""
    is_code = False
    for line in text.rstrip("\n").splitlines():
        is_fence = line.startswith("```")
        is_code ^= is_fence
        yield from [line] if is_code or is_fence or not line else wrapped(line)


def show_summary(title: str, rows: Rows, *, good: bool = True, result: Path | None = None) -> None:
    """The outcome of a command: a title, one line per value, and where to read on."""
    rows = [*rows, *([("result", str(result))] if result is not None else [])]
    if json_output.is_wanted():
        json_output.tell_shown(title, dict(rows))
        return
    paint = _painter(sys.stdout)
    lines = [f"{paint(mark(sys.stdout, good=good), _GREEN if good else _RED)} {paint(safe(title), _BOLD)}"]
    width = max((len(safe(label)) for label, _ in rows), default=0)
    for label, value in rows:
        lines += _paragraph(value, f"  {paint(f'{safe(label):<{width}}', _CYAN)}  ", width + 4)
    _write(sys.stdout, lines)


def show_findings(findings: Sequence[Finding], *, more: str | None = None) -> None:
    """The first findings; `more` names where all of them are."""
    if not findings:
        return
    if json_output.is_wanted():
        json_output.tell_shown("findings", [finding.as_dict() for finding in findings])
        return
    paint = _painter(sys.stdout)
    lines: list[str] = []
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        groups.setdefault(one.code, []).append(one)
    for code in list(groups)[:_SHOWN_RULES]:
        for one in groups[code][:_SHOWN_PER_RULE]:
            lines += _finding_lines(one, paint)
        lines += _more_lines(groups[code][_SHOWN_PER_RULE:])
    hidden = len(findings) - sum(len(groups[code]) for code in list(groups)[:_SHOWN_RULES])
    if hidden:
        lines.append(f"... and {hidden} more")
    if (more and any(len(own) > _SHOWN_PER_RULE for own in groups.values())) or (more and hidden):
        lines += wrapped(safe(f"all of them are in {more}"))
    lines += [paint(f"segcli rule {findings[0].code} explains {findings[0].code}", _DIM), ""]
    _write(sys.stdout, lines)


def _finding_lines(finding: Finding, paint: Callable[[str, str], str]) -> list[str]:
    place = safe(f"{finding.path}, {finding.location}" if finding.location else finding.path)
    severity = finding.severity.value
    style = {"error": _RED, "warning": _YELLOW, "info": _BLUE}[severity]
    lines = [f"{paint(f'{finding.code} {severity}', style)}  {place}", *wrapped(safe(finding.message), "    ")]
    return lines + _paragraph(finding.hint, f"    {paint('->', _DIM)} ", 7) if finding.hint else lines


def _more_lines(findings: Sequence[Finding]) -> list[str]:
    """How many findings of a rule are not shown whole, and the first files they are in."""
    if not findings:
        return []
    names = list(dict.fromkeys(finding.path for finding in findings))
    return wrapped(safe(f"... and {len(findings)} more of {findings[0].code}: {listed(names)}"), "    ")


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, key: str, by: str | None = None
) -> None:
    """A table with a header.

    Args:
        title: Stands above it.
        columns: Names of the columns.
        rows: Their values.
        key: Names the rows for a program.
        by: A column with few values: each becomes a heading with the rows that hold it, and needs no room beside them.
    """
    rows = [[safe(cell) for cell in row] for row in rows]
    if json_output.is_wanted():
        json_output.tell_shown(key, [dict(zip(columns, row, strict=True)) for row in rows])
        return
    if by is None:
        _print_table(title, columns, rows)
        return
    position = columns.index(by)
    longest = max((len(row[0]) for row in rows), default=0)
    print_line = console().print
    print_line(title, style="bold")
    for value in dict.fromkeys(row[position] for row in rows):
        print_line()
        inner = [[*row[:position], *row[position + 1 :]] for row in rows if row[position] == value]
        _print_table(value, [*columns[:position], *columns[position + 1 :]], inner, first=longest)


def _print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, first: int = 0) -> None:
    """Prints a table whose first column, a name, is as wide as its longest one or `first`, so that none is broken."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    widest = max((first, *(len(row[0]) for row in rows)))
    for number, name in enumerate(columns):
        least = min(widest, _LONGEST_NAME) if number == 0 else None
        table.add_column(name, header_style="cyan", overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """The console of results."""
    from rich.console import Console

    return Console(highlight=False)


class _painter:  # noqa: N801 - used like a function
    """Colours a word where the stream is a terminal and colours are not declined."""

    def __init__(self, stream: IO[str]) -> None:
        self._colours = takes_colours(stream)

    def __call__(self, word: str, style: str) -> str:
        return f"{style}{word}{_PLAIN}" if self._colours else word


def _paragraph(text: object, begin: str, width: int) -> list[str]:
    """Lines of a text behind a beginning of so many columns, which may hold colours."""
    first, *others = wrapped(safe(text), " " * width)
    return [begin + first[width:], *others]


def _write(stream: IO[str], lines: Iterable[str]) -> None:
    _put(stream, "\n".join(line.rstrip() for line in lines) + "\n")


def _put(stream: IO[str], text: str) -> None:
    prepare_streams()
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough; the work goes on
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
