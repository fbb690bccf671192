"""CPU time of one run of a network, and the processor that needed it."""

from __future__ import annotations

import time
from collections.abc import Callable

from segcli.cpu import first_processor

_RUNS = 3
_ENOUGH_SECONDS = 1.5
"""CPU time of runs after which no further one is timed: that of a large network hardly varies."""

_INSTRUCTIONS = {"amx_bf16": "AMX", "avx512f": "AVX-512", "avx2": "AVX2"}
"""What a processor says of itself on Linux, and the name of these instructions, widest first."""


def instructions() -> str:
    """The widest instructions of this processor; empty where none of the known ones is named."""
    words = set(first_processor().split())
    return next((name for word, name in _INSTRUCTIONS.items() if word in words), "")


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
