"""The queue of requests for a network: bounded, in order, with optional batching."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from segcli.data.sources import SourceItem
from segcli.serve.faults import busy
from segcli.serve.settings import Batching
from segcli.steps.predict.image_result import ImageResult


@dataclass(frozen=True)
class Job:
    """One image and the arguments for it.

    Attributes:
        item: The image.
        arguments: Arguments of the pipeline's `answer`.
        key: Jobs of equal keys may share a batch.
        future: Receives the result.
    """

    item: SourceItem
    arguments: Mapping[str, Any]
    key: Hashable
    future: Future[ImageResult] = field(default_factory=Future)


class JobQueue:
    """A bounded queue that never blocks the producer: a job that does not fit is refused.

    Args:
        size: Most jobs in the queue.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: deque[Job] = deque()
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        """Adds a job.

        Raises:
            RefusedError: The queue is full, or closed.
        """
        with self._changed:
            if self._closed:
                raise busy("the service is stopping")
            self._drop_cancelled()
            if len(self._jobs) >= self._size:
                raise busy()
            self._jobs.append(job)
            self._changed.notify()

    def take(self, batching: Batching) -> list[Job]:
        """Waits for the next jobs: one, or several that share a batch; none once the queue is closed and empty."""
        with self._changed:
            first = self._next()
            if first is None:
                return []
            batch = [first]
            size, end = batching.size or 1, time.monotonic() + batching.wait_ms / 1000
            while len(batch) < size:
                self._join(batch, size)
                left = end - time.monotonic()
                if len(batch) == size or left <= 0 or self._closed:
                    break
                self._changed.wait(left)
            return batch

    def close(self) -> None:
        """Accepts no more jobs; waiting jobs can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Job | None:
        while True:
            while self._jobs:
                job = self._jobs.popleft()
                if job.future.set_running_or_notify_cancel():
                    return job
            if self._closed:
                return None
            self._changed.wait()

    def _join(self, batch: list[Job], size: int) -> None:
        """Adds waiting jobs of the same key."""
        others: deque[Job] = deque()
        while self._jobs and len(batch) < size:
            job = self._jobs.popleft()
            if job.key != batch[0].key:
                others.append(job)
            elif job.future.set_running_or_notify_cancel():
                batch.append(job)
        self._jobs.extendleft(reversed(others))

    def _drop_cancelled(self) -> None:
        if any(job.future.cancelled() for job in self._jobs):
            self._jobs = deque(job for job in self._jobs if not job.future.cancelled())
