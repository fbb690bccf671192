"""What an executor gives: workers that are watched."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from segcli.steps.batch.job import Job

PAUSE_S = 0.5
"""Between two looks at the workers."""


class Pool(Protocol):
    """Workers that run."""

    def is_working(self) -> bool:
        """Waits a moment, puts new workers in the place of dead ones, and tells whether any is at work.

        Raises:
            SegcliError: A worker failed for a reason that would meet every other, or they die again and again.
        """


class ExecutorModule(Protocol):
    """The code of one row of the table: a module."""

    def started(self, job: Job, workers: int) -> AbstractContextManager[Pool]:
        """Starts workers; they end with the block."""
