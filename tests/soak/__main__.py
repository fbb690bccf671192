"""Runs the trials and prints one table: ``python -m tests.soak --help`` names the options.

``python -m tests.soak loads`` prints what large data take instead.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.soak import loads
from tests.soak.parts import Log, parts_of
from tests.soak.trials import Row

_HEAD = ("what", "tried", "clean", "tracebacks", "hangs", "above 2 GB", "outside writes")


def main(words: list[str]) -> int:
    """Prints the table, and below it where each kind of fault came from; 1 when there is any."""
    if words[:1] == ["loads"]:
        return loads.main(words[1:])
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("readers", nargs="*", help="parts of the names of readers; all without")
    parser.add_argument("--inputs", type=int, default=100_000, help="changed files, over all readers")
    parser.add_argument("--kills", type=int, default=1, help="kill at every so manieth file event; 0 for none")
    parser.add_argument("--pairs", type=int, default=200, help="runs of each pair of commands at once")
    parser.add_argument("--predictions", type=int, default=30, help="rounds of 64 predictions at once; 0 for none")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="ends earlier, with what was tried by then")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="file of what was done; a run with the same file goes on from there")
    parser.add_argument("--scratch", type=Path, help="where files are made; /dev/shm spares the disk")
    options = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    rows: dict[str, Row] = {}
    end = time.monotonic() + options.minutes * 60
    log = Log(options.log)
    with tempfile.TemporaryDirectory(prefix="segcli-soak-", dir=options.scratch) as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        with suppress(KeyboardInterrupt):
            for part in parts_of(options):
                if time.monotonic() > end:
                    break
                for row in log.rows_of(part, Path(scratch) / "part"):
                    rows.setdefault(row.name, Row(row.name)).add(row)
                    print(part.key, _as_line(row), *_kinds(row), sep="\n", file=sys.stderr, flush=True)  # noqa: T201
    print(as_text(list(rows.values())))  # noqa: T201
    return 0 if rows and all(row.is_good for row in rows.values()) else 1


def as_text(rows: list[Row]) -> str:
    """The rows as a Markdown table, and the kinds of faults."""
    total = Row("all")
    for row in rows:
        total.add(row)
    lines = [f"| {' | '.join(_HEAD)} |", f"| --- |{' ---: |' * (len(_HEAD) - 1)}", *map(_as_line, (*rows, total))]
    kinds = [line for row in rows for line in _kinds(row)]
    return "\n".join([*lines, *([""] if kinds else []), *kinds])


def _as_line(row: Row) -> str:
    return f"| {row.name} | {' | '.join(f'{number:,}' for number in row.numbers)} |"


def _kinds(row: Row) -> list[str]:
    return [f"{row.name}: {count} x {kind}" for kind, count in row.kinds.most_common(20)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
