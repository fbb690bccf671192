"""Batches of training samples that threads prepare ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from segcli.data.prefetch import map_ahead
from segcli.data.sampling import BatchSampler, SampleOrder
from segcli.engine import Batch

_AHEAD = 2
"""Batches that are prepared ahead."""


def threaded_batches(
    load: Callable[[int], Any],
    path_of: Callable[[int], str],
    order: SampleOrder,
    *,
    start: int,
    stop: int,
    num_workers: int,
) -> Iterator[Batch]:
    """Batches of the iterations from `start` to `stop`; each sample depends on the position alone.

    Threads suffice: decoding and resizing release Python's lock, and no sample uses a global random generator.

    Args:
        load: Function from a position to its sample.
        path_of: Function from a position to the path of its image.
        order: The samples of each batch.
        start: First iteration.
        stop: Iteration after the last one.
        num_workers: Threads; 0 loads each batch when it is requested.
    """
    plan = BatchSampler(order, start, stop)
    numbers = chain.from_iterable(plan)
    samples = (
        map_ahead(load, numbers, workers=num_workers, ahead=_AHEAD * order.batch_size)
        if num_workers
        else map(load, numbers)
    )
    for batch in plan:
        yield Batch({"samples": list(islice(samples, len(batch)))}, tuple(map(path_of, batch)))
