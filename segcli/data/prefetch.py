"""Batches of images, decoded ahead of the network in a thread, never more than a few at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Says that nothing follows, and why."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault = fault


def ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """The items in order, produced in a thread at most `count` before they are asked for."""
    queue: Queue[T | _End] = Queue(max(1, count))
    stopped = Event()

    def produce() -> None:
        fault: BaseException | None = None
        try:
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    return
        except BaseException as error:
            fault = error
        queue.put(_End(fault))

    thread = Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            item = queue.get()
            if isinstance(item, _End):
                if item.fault is not None:
                    raise item.fault
                return
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            if not queue.empty():
                queue.get_nowait()
            thread.join(timeout=0.01)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Neighbours in lists of `size`, the last one shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
