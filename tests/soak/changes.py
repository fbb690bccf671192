"""Commands that write: killed at events of their files; and two at once of those that change a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.soak.commands import Walk
from tests.soak.trials import Row
from tests.soak.writers import WRITERS
from tests.steps import test_kills as kills
from tests.steps import test_two_writers as writers

_UNDO = "undo of "
KILLS = (*kills.ALL, *(f"{_UNDO}{name}" for name in kills.CHANGES), *WRITERS)
"""Names of what is killed."""
PAIRS = tuple(writers.PAIRS)


def try_kills(name: str, stride: int, scratch: Path) -> Iterator[Row]:
    """Kills a command at every `stride`-th event of its files; whatever a test would assert counts.

    Commands that write into a folder of results are looked at at each event, and given again after every `stride`-th of
    the states that differ: the row says after how many.
    """
    row = Row(f"kills: {name}")
    try:
        if name in WRITERS:
            row.tried, again = Walk(WRITERS[name], scratch).kills(stride)
            row.name = f"{row.name}, given again after {again}"
        else:
            trial = kills.kills_of_an_undo if name.startswith(_UNDO) else kills.kills_of_a_change
            row.tried = trial(scratch, kills.ALL[name.removeprefix(_UNDO)], stride)
        row.clean = row.tried
    except (AssertionError, Exception) as fault:
        row.add_fault(f"{type(fault).__name__}: {str(fault)[:120]}")
    yield row


def try_pair(names: tuple[str, str], runs: int, seed: int, scratch: Path) -> Iterator[Row]:
    """Runs a pair of commands at once."""
    row = Row(f"pairs at once ({len(PAIRS)} pairs)")
    base = writers.make_base(scratch / "base")
    try:
        writers.race(base, scratch, names, runs, seed)
        row.tried = row.clean = runs
    except (AssertionError, Exception) as fault:
        row.add_fault(f"{' + '.join(names)}: {type(fault).__name__}: {str(fault)[:120]}")
    yield row
