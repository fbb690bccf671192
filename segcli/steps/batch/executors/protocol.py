"""The interface of executors: pools of watched workers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from segcli.steps.batch.job import Job

PAUSE_S = 0.5
"""Seconds between two checks of the workers."""


class Pool(Protocol):
    """Running workers."""

    def is_working(self) -> bool:
        """Waits briefly, replaces dead workers, and returns whether any worker is running.

        Raises:
            SegcliError: A worker failed for a reason that affects all workers, or workers keep dying.
        """


class ExecutorModule(Protocol):
    """The code of one row of the table: a module."""

    def started(self, job: Job, workers: int) -> AbstractContextManager[Pool]:
        """Starts workers; they end with the `with` block."""
