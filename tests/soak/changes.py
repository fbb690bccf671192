"""Commands that change a dataset: killed at each event of their files, and two of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.soak.trials import Row
from tests.steps import test_kills as kills
from tests.steps import test_two_writers as writers


def try_kills(stride: int, scratch: Path) -> Iterator[Row]:
    """Kills each command, and the undo of each, at every `stride`-th event; whatever a test would assert counts."""
    for name, scenario in kills.CHANGES.items():
        for what, trial in (("", kills.kills_of_a_change), ("undo of ", kills.kills_of_an_undo)):
            row = Row(f"kills: {what}{name}")
            folder = scratch / row.name.replace(" ", "_")
            folder.mkdir(parents=True)
            try:
                row.tried = row.clean = trial(folder, scenario, stride)
            except (AssertionError, Exception) as fault:
                row.tried, row.tracebacks = row.tried + 1, 1
                row.kinds[f"{type(fault).__name__}: {str(fault)[:120]}"] += 1
            yield row


def try_pairs(runs: int, seed: int, scratch: Path) -> Iterator[Row]:
    """Runs each pair of commands at once."""
    scratch.mkdir(parents=True)
    base = writers.make_base(scratch / "base")
    row = Row(f"pairs at once ({len(writers.PAIRS)} pairs)")
    for names in writers.PAIRS:
        folder = scratch / "_".join(names).replace(" ", "-")
        folder.mkdir()
        row.tried += runs
        try:
            writers.race(base, folder, names, runs, seed)
            row.clean += runs
        except (AssertionError, Exception) as fault:
            row.tracebacks += 1
            row.kinds[f"{' + '.join(names)}: {type(fault).__name__}: {str(fault)[:120]}"] += 1
    yield row
