"""Runs the trials and prints one table: ``python -m tests.soak [--inputs N] [--kills N] [--pairs N] [READER ...]``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.soak.changes import try_kills, try_pairs
from tests.soak.readers import READERS
from tests.soak.trials import Row, try_reader

_HEAD = ("what", "tried", "clean", "tracebacks", "hangs", "above 2 GB", "outside writes")


def main(words: list[str]) -> int:
    """Prints the table, and below it where each kind of fault came from; 1 when there is any."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("readers", nargs="*", help="parts of the names of readers; all without")
    parser.add_argument("--inputs", type=int, default=100_000, help="changed files, over all readers")
    parser.add_argument("--kills", type=int, default=1, help="kill at every so manieth file event; 0 for none")
    parser.add_argument("--pairs", type=int, default=200, help="runs of each pair of commands at once")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="segcli-soak-") as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        rows = list(_rows(options, Path(scratch)))
    print(as_text(rows))  # noqa: T201
    return 0 if rows and all(row.is_good for row in rows) else 1


def _rows(options: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    chosen = [
        reader
        for reader in READERS
        if not options.readers or any(word.lower() in reader.name.lower() for word in options.readers)
    ]
    each = -(-options.inputs // max(1, len(chosen)))
    for reader in chosen if options.inputs else ():
        yield try_reader(reader, each, options.seed, scratch / "trial")
    if options.kills:
        yield from try_kills(options.kills, scratch / "kills")
    if options.pairs:
        yield from try_pairs(options.pairs, options.seed, scratch / "pairs")


def as_text(rows: list[Row]) -> str:
    """The rows as a Markdown table, and the kinds of faults."""
    total = Row("all", *(sum(getattr(row, name) for row in rows) for name in _NUMBERS))
    lines = [f"| {' | '.join(_HEAD)} |", f"| --- |{' ---: |' * (len(_HEAD) - 1)}"]
    for row in (*rows, total):
        lines.append(f"| {row.name} | {' | '.join(f'{getattr(row, name):,}' for name in _NUMBERS)} |")
    kinds = [f"{row.name}: {count} x {kind}" for row in rows for kind, count in row.kinds.most_common(20)]
    return "\n".join([*lines, *([""] if kinds else []), *kinds])


_NUMBERS = ("tried", "clean", "tracebacks", "hangs", "large", "outside")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
