"""A run of the benchmarks as JSON, and two of them side by side."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segcli.cores import available_cores
from segcli.cpu import processor_name
from segcli.version import __version__
from tests.bench.table import Row, aligned

ROOT = Path(__file__).resolve().parents[2]
NOISE = 0.1
"""Ratios of two runs that differ by less say nothing, on a machine with other work."""
_BEGIN, _END = "<!-- scripts/bench: table -->", "<!-- end of the table -->"
_HEAD = ("| | ours | floor or peer | ratio | bar |", "| --- | --- | --- | --- | --- |")


def as_json(rows: Iterable[Row], failures: Iterable[str] = ()) -> str:
    """A run with what it was measured on."""
    values = {
        "segcli": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor_name(),
        "cores": available_cores(),
        "threads": os.environ.get("OMP_NUM_THREADS", "as the libraries choose"),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "rows": [{**asdict(row), "passes": row.passes} for row in rows],
        "failed": list(failures),
    }
    return json.dumps(values, indent=1) + "\n"


def rows_of(text: str) -> list[Row]:
    """The rows of a run.

    Raises:
        ValueError: The text is none.
    """
    return _parsed(text)[1]


def _parsed(text: str) -> tuple[dict[str, Any], list[Row]]:
    """What a run was written with, and its rows."""
    texts, numbers = ("name", "measured", "reference"), ("ratio", "bar")
    try:
        values = json.loads(text)
        rows = [
            Row(*(str(one[name]) for name in texts), *(float(one[name]) for name in numbers)) for one in values["rows"]
        ]
    except (KeyError, TypeError, ValueError) as fault:
        raise ValueError("is no result of scripts/bench --json") from fault
    return values, rows


def compare(before: Sequence[Row], after: Sequence[Row]) -> tuple[str, int]:
    """Both runs side by side, and how many rows became worse by more than `NOISE` or miss their bar anew."""
    known, worse = {row.name: row for row in before}, 0
    lines = [("", "before", "after", "ratio before", "ratio after", "change", "")]
    for row in after:
        old = known.pop(row.name, None)
        if old is None:
            lines.append((row.name, "-", row.measured, "-", f"{row.ratio:.2f}", "new", ""))
            continue
        change = row.ratio / old.ratio - 1 if old.ratio else 0.0
        is_worse = change < -NOISE or (old.passes and not row.passes)
        worse += is_worse
        verdict = "WORSE" if is_worse else "better" if change > NOISE else ""
        ratios = (f"{old.ratio:.2f}", f"{row.ratio:.2f}", f"{change:+.0%}")
        lines.append((row.name, old.measured, row.measured, *ratios, verdict))
    lines += [(name, row.measured, "-", f"{row.ratio:.2f}", "-", "gone", "") for name, row in known.items()]
    return aligned(lines), worse


def _line(row: Row) -> str:
    ratio = f"{row.ratio:.2f}{'' if row.passes else ' (missed)'}"
    return f"| {row.name} | {row.measured} | {row.reference} | {ratio} | {row.bar:.2f} |"


def write_page(rows: Sequence[Row], page: Path, *, is_whole: bool = True) -> None:
    """Puts the table into a page, between its marks.

    Args:
        rows: What was measured.
        page: The page.
        is_whole: Whether the rows are all that there are; else the page's other rows stay.

    Raises:
        ValueError: The page has no marks.
    """
    lines = {row.name: _line(row) for row in rows}
    old = [] if is_whole else _split(page, _BEGIN, _END)[1].splitlines()
    kept = [lines.pop(line.split(" | ")[0][2:], line) for line in old if line.startswith("| ") and line not in _HEAD]
    put_between(page, _BEGIN, _END, "\n".join([*_HEAD, *kept, *lines.values()]) + "\n")


def require_writable(result: Path | None, page: Path | None) -> None:
    """Asks whether results can be written into a file and a page, where they are given.

    Raises:
        OSError: A file cannot be written.
        ValueError: The page has no marks.
    """
    if result is not None:
        result.touch()
    if page is not None:
        _split(page, _BEGIN, _END)


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replaces what stands between two lines of a page.

    Raises:
        ValueError: The page lacks one of them.
    """
    before, _, after = _split(page, begin, end)
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def _split(page: Path, begin: str, end: str) -> tuple[str, str, str]:
    """What stands before, between and after two lines of a page."""
    before, has_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    between, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"{page} lacks the lines {begin} and {end}")
    return before, between, after


@dataclass(frozen=True)
class Run:
    """A run as it was kept.

    Attributes:
        rows: What was measured.
        origin: Of which commit, on what, and what failed, in words.
    """

    rows: list[Row]
    origin: str


def read(path: Path) -> Run:
    """A run of a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no result of ``scripts/bench --json``.
    """
    try:
        values, rows = _parsed(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}") from fault
    facts = [
        f"{values.get(fact)}{unit}" for fact, unit in (("processor", ""), ("cores", " cores"), ("threads", " threads"))
    ]
    failed = f"; failed: {', '.join(values['failed'])}" if values.get("failed") else ""
    return Run(rows, f"commit {values.get('commit')}, {', '.join(facts)}{failed}")


def _commit() -> str | None:
    command: list[Any] = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
