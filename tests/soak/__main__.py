"""Runs the trials and prints one table: ``python -m tests.soak --help`` names the options."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.soak.changes import try_kills, try_pairs
from tests.soak.predictions import try_predictions
from tests.soak.readers import READERS
from tests.soak.trials import Row, try_reader

_HEAD = ("what", "tried", "clean", "tracebacks", "hangs", "above 2 GB", "outside writes")
ROUND = 500
"""Inputs of a reader before it is the next one's turn."""


def main(words: list[str]) -> int:
    """Prints the table, and below it where each kind of fault came from; 1 when there is any."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("readers", nargs="*", help="parts of the names of readers; all without")
    parser.add_argument("--inputs", type=int, default=100_000, help="changed files, over all readers")
    parser.add_argument("--kills", type=int, default=1, help="kill at every so manieth file event; 0 for none")
    parser.add_argument("--pairs", type=int, default=200, help="runs of each pair of commands at once")
    parser.add_argument("--predictions", type=int, default=30, help="rounds of 64 predictions at once; 0 for none")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="ends earlier, with what was tried by then")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="segcli-soak-") as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        with suppress(KeyboardInterrupt):
            for row in _rows(options, Path(scratch)):
                if row not in rows:
                    rows.append(row)
                print(_as_line(row), *_kinds(row), sep="\n", file=sys.stderr, flush=True)  # noqa: T201
    print(as_text(rows))  # noqa: T201
    return 0 if rows and all(row.is_good for row in rows) else 1


def _rows(options: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """The rows, each as often as it has grown."""
    if options.inputs:
        yield from _try_readers(options, scratch / "trial")
    if options.kills:
        yield from try_kills(options.kills, scratch / "kills")
    if options.pairs:
        yield from try_pairs(options.pairs, options.seed, scratch / "pairs")
    if options.predictions:
        yield from try_predictions(options.predictions, scratch / "predictions")


def _try_readers(options: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """All readers in turns, so that a run that is ended has tried them alike."""
    chosen = [
        reader
        for reader in READERS
        if not options.readers or any(word.lower() in reader.name.lower() for word in options.readers)
    ]
    rows = [Row(reader.name) for reader in chosen]
    each = -(-options.inputs // max(1, len(chosen)))
    end = time.monotonic() + options.minutes * 60
    for begin in range(0, each, ROUND):
        for reader, row in zip(chosen, rows, strict=True):
            if time.monotonic() < end:
                try_reader(reader, row, range(begin, min(begin + ROUND, each)), options.seed, scratch)
                yield row


def as_text(rows: list[Row]) -> str:
    """The rows as a Markdown table, and the kinds of faults."""
    total = Row("all", *(sum(getattr(row, name) for row in rows) for name in _NUMBERS))
    lines = [f"| {' | '.join(_HEAD)} |", f"| --- |{' ---: |' * (len(_HEAD) - 1)}", *map(_as_line, (*rows, total))]
    kinds = [line for row in rows for line in _kinds(row)]
    return "\n".join([*lines, *([""] if kinds else []), *kinds])


def _as_line(row: Row) -> str:
    return f"| {row.name} | {' | '.join(f'{getattr(row, name):,}' for name in _NUMBERS)} |"


def _kinds(row: Row) -> list[str]:
    return [f"{row.name}: {count} x {kind}" for kind, count in row.kinds.most_common(20)]


_NUMBERS = ("tried", "clean", "tracebacks", "hangs", "large", "outside")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
