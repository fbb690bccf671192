"""CPU time of one run of a network."""

from __future__ import annotations

import time
from collections.abc import Callable

_RUNS = 3
_ENOUGH_SECONDS = 1.5
"""CPU time of runs after which no further one is timed: that of a large network hardly varies."""


def cpu_milliseconds(job: Callable[[], object], runs: int = _RUNS) -> float:
    """CPU time of all threads for one run: the least of some, after one that warms up."""
    job()
    best, spent = float("inf"), 0.0
    for _ in range(runs):
        begin = time.process_time()
        job()
        best, spent = min(best, time.process_time() - begin), spent + time.process_time() - begin
        if spent > _ENOUGH_SECONDS:
            break
    return round(1000 * best, 1)
