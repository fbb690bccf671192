"""Training samples in the order of the draws, prepared ahead in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from segcli.data.sampling import Draws
from segcli.engine import Batch

_AHEAD = 2


def drawn_batches(
    load: Callable[[int], Any],
    path_of: Callable[[int], str],
    draws: Draws,
    *,
    start: int,
    stop: int,
    num_workers: int,
) -> Iterator[Batch]:
    """Batches of the iterations from `start` to `stop`; each sample depends on the number of its draw alone.

    Threads suffice: decoding and resizing leave Python's lock, and no sample touches a global generator.

    Args:
        load: Number of a draw -> sample.
        path_of: Number of a draw -> path of its image.
        draws: Which draws make a batch.
        start: First iteration.
        stop: Iteration before which to end.
        num_workers: Threads; 0 loads when a batch is asked for.
    """
    if not num_workers:
        for iteration in range(start, stop):
            numbers = draws.batch(iteration)
            yield Batch({"samples": [load(draw) for draw in numbers]}, tuple(map(path_of, numbers)))
        return
    waiting: deque[tuple[list[int], list[Future[Any]]]] = deque()
    with ThreadPoolExecutor(num_workers) as pool:
        for iteration in range(start, stop + _AHEAD):
            if iteration < stop:
                numbers = draws.batch(iteration)
                waiting.append((numbers, [pool.submit(load, draw) for draw in numbers]))
            if iteration >= start + _AHEAD and waiting:
                numbers, futures = waiting.popleft()
                samples = [future.result() for future in futures]
                yield Batch({"samples": samples}, tuple(map(path_of, numbers)))
        while waiting:
            numbers, futures = waiting.popleft()
            yield Batch({"samples": [future.result() for future in futures]}, tuple(map(path_of, numbers)))
