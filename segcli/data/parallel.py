"""A map over many items in threads that holds only a few of them at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
AHEAD = 8
"""Items a worker that wait or are done: enough that none idles, few enough that memory does not grow."""


def map_in_order(
    function: Callable[[Item], Outcome], items: Iterable[Item], workers: int | None = None
) -> Iterator[Outcome]:
    """`function` of every item, in order, computed by `workers` threads (None: one a core)."""
    count = workers or available_cores()
    source = iter(items)
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Future[Outcome]] = deque(pool.submit(function, item) for item in islice(source, AHEAD * count))
        while waiting:
            outcome = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(source, 1))
            yield outcome


def available_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
