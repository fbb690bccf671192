"""Training samples in the order of the draws, prepared ahead in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from segcli.data.prefetch import map_ahead
from segcli.data.sampling import BatchPlan, Draws
from segcli.engine import Batch

_AHEAD = 2
"""Batches that are prepared ahead."""


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
        num_workers: Threads; 0 loads each batch when it is taken.
    """
    plan = BatchPlan(draws, start, stop)
    numbers = chain.from_iterable(plan)
    samples = (
        map_ahead(load, numbers, workers=num_workers, ahead=_AHEAD * draws.batch_size)
        if num_workers
        else map(load, numbers)
    )
    for batch in plan:
        yield Batch({"samples": list(islice(samples, len(batch)))}, tuple(map(path_of, batch)))
