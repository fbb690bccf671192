"""Workers as Dask tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from segcli.errors import SegcliError
from segcli.steps.batch.executors.protocol import PAUSE_S
from segcli.steps.batch.job import Job
from segcli.steps.batch.worker import work

_RETRIES = 20


@contextmanager
def started(job: Job, workers: int) -> Iterator[DaskPool]:
    """Submits tasks to the scheduler of ``DASK_SCHEDULER_ADDRESS``, else to a cluster on this machine."""
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        address: Any = os.environ.get("DASK_SCHEDULER_ADDRESS") or stack.enter_context(
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        )
        client = stack.enter_context(Client(address))
        yield DaskPool(client, job, workers)


class DaskPool:
    """Dask tasks; Dask reassigns those of a dead worker. See `Pool` in the protocol."""

    def __init__(self, client: Any, job: Job, workers: int) -> None:
        self._tasks = [
            client.submit(work, str(job.folder), number, workers, pure=False, retries=_RETRIES)
            for number in range(workers)
        ]

    def is_working(self) -> bool:
        """See `Pool`."""
        from distributed import TimeoutError as NotYet
        from distributed import wait

        try:
            wait(self._tasks, timeout=PAUSE_S)
        except NotYet:
            return True
        for task in self._tasks:
            if task.status == "error":
                raise SegcliError(f"a worker failed: {task.exception()}")
        return False
