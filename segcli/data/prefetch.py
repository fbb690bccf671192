"""Work ahead of its use: bounded, in threads, in order. Memory does not grow with the number of items.

Threads suffice: OpenCV, zlib, digests and networks release Python's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice, repeat
from threading import Event
from typing import TypeVar

from segcli.cores import available_cores

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

PER_WORKER = 8
"""Items per worker that wait or are done: enough that none idles, few enough that memory does not grow."""


class _End:
    """What comes when there are no more items."""


_END = _End()


def map_ahead(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    ahead: int | None = None,
    stopped: Event | None = None,
    alone: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """`function` of every item, in order, computed in threads before it is needed.

    `items` is advanced in the caller's thread. An error of `function` is raised where its outcome would come.

    Args:
        function: Called in the threads.
        items: Taken one by one, never more than `ahead` before their outcomes are used.
        workers: Threads; None is one per core.
        ahead: Items that wait or are done; None is `PER_WORKER` per thread.
        stopped: Set once no more outcomes are wanted, so that calls that take long can end early: they are waited for.
        alone: Whether the next item is better computed in the caller's thread, when it is needed.

    >>> list(map_ahead(abs, [-1, 2, -3], workers=2))
    [1, 2, 3]
    """
    count = workers or available_cores()
    most = max(1, PER_WORKER * count if ahead is None else ahead)
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Future[Outcome]] = deque()
        try:
            for item in items:
                is_alone = alone()
                if not is_alone:
                    waiting.append(pool.submit(function, item))
                while waiting and (is_alone or len(waiting) > most):
                    yield waiting.popleft().result()
                if is_alone:
                    yield function(item)
            while waiting:
                yield waiting.popleft().result()
        finally:
            if stopped is not None:
                stopped.set()
            for future in waiting:
                future.cancel()


def started(items: Iterable[Item]) -> Iterator[Item]:
    """The items, of which the first is taken at once: what is computed ahead of its use is then on its way.

    >>> list(started("abc"))
    ['a', 'b', 'c']
    """
    source = iter(items)
    return chain(list(islice(source, 1)), source)


def read_ahead(items: Iterable[Item], count: int) -> Iterator[Item]:
    """The items in order, produced in one thread at most `count` before they are needed."""
    source = iter(items)
    for item in map_ahead(lambda _: next(source, _END), repeat(None), workers=1, ahead=count):
        if isinstance(item, _End):
            return
        yield item


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Neighbours in lists of `size`, the last one shorter.

    >>> list(batched("abc", 2))
    [['a', 'b'], ['c']]
    """
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def batched_to(items: Iterable[Item], enough: int, *, size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Neighbours in lists whose sizes add up to `enough` or more, those of the last one to less.

    >>> list(batched_to(["a", "bcd", "ef"], 3, size=len))
    [['a', 'bcd'], ['ef']]
    """
    batch, total = list[Item](), 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total >= enough:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
