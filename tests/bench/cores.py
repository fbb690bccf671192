"""What a second core gains: wall time of processes that may use one core, and of others that may use two."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.peers.timed import seconds
from tests.bench.table import Row

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3

BIND = "import os, sys; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])"
"""Line of a program that binds it to as many cores as its first argument says, before a library makes threads."""


def row(
    name: str,
    program: str,
    bar: float,
    *given: object,
    rounds: int = ROUNDS,
    shown: Callable[[float], str] = "{:.3f} s".format,
) -> Row:
    """Times a program on one core and on two in turn; the ratio is the median of those of the rounds.

    Args:
        name: What the program does.
        program: Its text, with `BIND`; it prints its wall time after ``SECONDS``.
        bar: Of the ratio.
        given: Its arguments after the number of cores.
        rounds: How often it is run on one core and on two.
        shown: Shows seconds in the table.
    """
    measured = [tuple(_wall(program, cores, *given) for cores in (1, 2)) for _ in range(rounds)]
    one, two = (median(values) for values in zip(*measured, strict=True))
    ratio = median(alone / both for alone, both in measured)
    return Row(f"{name}, 2 cores against one", shown(two), shown(one), ratio, bar)


def _wall(program: str, cores: int, *given: object) -> float:
    # each core a thread, as without the variable
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(cores)}
    return seconds(sys.executable, program, cores, *given, variables=variables)
