"""The soak as parts that are each done once: a run that ended goes on where it was, from the file that it wrote."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.soak.changes import KILLS, PAIRS, try_kills, try_pair
from tests.soak.predictions import try_predictions
from tests.soak.readers import READERS, Reader
from tests.soak.trials import Row, try_reader

ROUND = 500
"""Inputs of a reader before it is the next one's turn."""


@dataclass(frozen=True)
class Part:
    """A part.

    Attributes:
        key: Names what is tried, with every option that it depends on.
        work: Tries it in an empty folder; returns rows of the table, which are added to those of the same names.
    """

    key: str
    work: Callable[[Path], Iterator[Row]]


def parts_of(options: argparse.Namespace) -> list[Part]:
    """All parts; the readers take turns, so that a run that is ended has tried them alike."""
    found = list(_of_readers(options)) if options.inputs else []
    if options.kills:
        found += [
            Part(f"{name}, every {options.kills}", lambda scratch, name=name: try_kills(name, options.kills, scratch))
            for name in KILLS
        ]
    if options.pairs:
        found += [
            Part(
                f"{' + '.join(names)}, {options.pairs} runs, seed {options.seed}",
                lambda scratch, names=names: try_pair(names, options.pairs, options.seed, scratch),
            )
            for names in PAIRS
        ]
    if options.predictions:
        found.append(
            Part(f"predictions, {options.predictions}", lambda scratch: try_predictions(options.predictions, scratch))
        )
    return found


def _of_readers(options: argparse.Namespace) -> Iterator[Part]:
    words = [word.lower() for word in options.readers]
    chosen = [reader for reader in READERS if not words or any(word in reader.name.lower() for word in words)]
    each = -(-options.inputs // max(1, len(chosen)))
    for begin in range(0, each, ROUND):
        numbers = range(begin, min(begin + ROUND, each))
        for reader in chosen:
            key = f"{reader.name} {numbers.start} to {numbers.stop}, seed {options.seed}"
            yield Part(
                key, lambda scratch, reader=reader, numbers=numbers: _read(reader, numbers, options.seed, scratch)
            )


def _read(reader: Reader, numbers: range, seed: int, scratch: Path) -> Iterator[Row]:
    row = Row(reader.name)
    try_reader(reader, row, numbers, seed, scratch)
    yield row


class Log:
    """Rows of the parts that are done, a line of JSON each.

    Args:
        path: The file; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[str, list[Row]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._done[entry["part"]] = [_row(values) for values in entry["rows"]]

    def rows_of(self, part: Part, scratch: Path) -> list[Row]:
        """The rows of a part, which is done unless it was before."""
        if part.key not in self._done:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            before = sum(os.times()[:4])
            rows = list(part.work(scratch))
            self._done[part.key] = rows
            if self._path is not None:
                cpu_s = round(sum(os.times()[:4]) - before, 2)
                entry = {"part": part.key, "cpu_s": cpu_s, "rows": [vars(row) for row in rows]}
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
        return self._done[part.key]


def _row(values: dict[str, object]) -> Row:
    return Row(**{**values, "kinds": Counter(values["kinds"])})  # type: ignore[arg-type]
