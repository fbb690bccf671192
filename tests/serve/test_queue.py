from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from segcli.data.sources import SourceItem
from segcli.serve.faults import RefusedError
from segcli.serve.queue import Job, JobQueue
from segcli.serve.settings import Batching


def job(key: str) -> Job:
    return Job(SourceItem(None, None, Path(key), np.zeros((2, 2, 3), np.uint8)), {}, key)


def test_what_does_not_fit_is_refused_with_a_time_to_come_back() -> None:
    queue = JobQueue(2)
    first = job("a")
    queue.put(first)
    queue.put(job("b"))
    with pytest.raises(RefusedError) as caught:
        queue.put(job("c"))
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    first.future.cancel()  # who has gone makes room
    queue.put(job("c"))


def test_batches_hold_equal_keys_and_keep_the_order() -> None:
    queue = JobQueue(9)
    for key in ("a", "b", "a", "b", "a", "a"):
        queue.put(job(key))
    sizes = Batching(size=3, wait_ms=0)
    taken = [[entry.key for entry in queue.take(sizes)] for _ in range(3)]
    assert taken == [["a", "a", "a"], ["b", "b"], ["a"]]


def test_the_first_waits_for_others_but_not_for_ever() -> None:
    queue = JobQueue(9)
    queue.put(job("a"))
    begin = time.monotonic()
    Thread(target=lambda: queue.put(job("a"))).start()
    assert len(queue.take(Batching(size=2, wait_ms=5000))) == 2
    queue.put(job("a"))
    assert len(queue.take(Batching(size=2, wait_ms=20))) == 1
    assert time.monotonic() - begin < 5


def test_a_closed_queue_gives_out_what_it_has_and_takes_no_more() -> None:
    queue = JobQueue(9)
    queue.put(job("a"))
    queue.close()
    assert len(queue.take(Batching())) == 1
    assert queue.take(Batching()) == []
    with pytest.raises(RefusedError, match="stopping"):
        queue.put(job("b"))


def test_cancelled_jobs_are_not_given_out() -> None:
    queue = JobQueue(9)
    gone, stays = job("a"), job("a")
    queue.put(gone)
    queue.put(stays)
    gone.future.cancel()
    assert queue.take(Batching()) == [stays]
