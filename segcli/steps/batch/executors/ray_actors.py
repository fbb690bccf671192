"""Workers as Ray actors, which take shards by number; no image goes through Ray's object store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from segcli.errors import SegcliError
from segcli.steps.batch.executors.protocol import PAUSE_S
from segcli.steps.batch.job import Job

log = logging.getLogger("segcli.batch")

_MOST_DEATHS = 20


@contextmanager
def started(job: Job, workers: int) -> Iterator[RayPool]:
    """Starts actors in the cluster of ``RAY_ADDRESS``, else in one on this machine.

    Raises:
        SegcliError: There is no such cluster, or Ray does not start.
    """
    import ray

    ours = not ray.is_initialized()
    if ours:
        address = os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(address=address, log_to_driver=False, **local)
        except Exception as fault:  # any: Ray has many, some of them plain exceptions
            where = address or "this machine"
            hint = "check RAY_ADDRESS; on a busy machine RAY_raylet_start_wait_time_s=300 gives Ray more time"
            raise SegcliError(f"Ray does not start on {where}: {' '.join(str(fault).split())}", hint=hint) from fault
    try:
        yield RayPool(job, workers)
    finally:
        if ours:
            ray.shutdown()


class RayPool:
    """Ray actors; see `segcli.steps.batch.executors.protocol.Pool`."""

    def __init__(self, job: Job, workers: int) -> None:
        import ray

        self._job, self._workers, self._deaths = job, workers, 0
        gpus = 1 if job.device.startswith("gpu") else 0
        self._actor: Any = ray.remote(num_cpus=1, num_gpus=gpus)(_Actor)
        self._running = {self._start(number): number for number in range(workers)}

    def is_working(self) -> bool:
        """See `Pool`."""
        import ray

        ended, _ = ray.wait(list(self._running), num_returns=1, timeout=PAUSE_S)
        for reference in ended:
            number = self._running.pop(reference)
            try:
                ray.get(reference)
            except ray.exceptions.RayActorError as fault:
                self._deaths += 1
                if self._deaths > _MOST_DEATHS:
                    raise SegcliError(f"actors of Ray died {self._deaths} times: {fault}") from fault
                log.warning("worker %d died; a new worker replaces it", number)
                self._running[self._start(number)] = number
            except ray.exceptions.RayTaskError as fault:
                raise SegcliError(f"a worker failed: {fault.cause}") from fault
        return bool(self._running)

    def _start(self, number: int) -> Any:
        return self._actor.remote().work.remote(str(self._job.folder), number, self._workers)


class _Actor:
    """One worker."""

    def work(self, folder: str, number: int, workers: int) -> int:
        """See `segcli.steps.batch.worker.work`."""
        from segcli.steps.batch.worker import work

        return work(folder, number, workers)
