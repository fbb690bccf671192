"""A worker of a batch: processes free shards until all are finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segcli.config.check import parse_device
from segcli.errors import WeightsError
from segcli.inference.exported_model import ExportedModel
from segcli.steps.batch.job import Job, model_digest
from segcli.steps.batch.leases import FOLDER, Lease, Leases
from segcli.steps.batch.shard import run_shard

if TYPE_CHECKING:
    from segcli.steps.predict.model import Model

log = logging.getLogger("segcli.batch")

_PAUSE_S = 0.5
"""Seconds between checks of shards held by others: the longest time until a dead local worker is noticed."""


def work(folder: str, number: int = 0, workers: int = 1) -> int:
    """Joins a batch until every shard is finished, including those of workers that die.

    Args:
        folder: Folder of the batch.
        number: Number of this worker; each worker starts at a different shard.
        workers: Expected number of workers.

    Returns:
        Number of shards that this worker finished.

    Raises:
        WeightsError: The model differs from the one that the batch was started with.
    """
    job = Job.open(Path(folder))
    model: Model | None = None
    count = 0
    leases = Leases(job.folder / FOLDER, job.lease_s)
    try:
        for lease in claimed(job, leases, number, workers):
            model = model or _open(job, number)
            log.info("shard %d, generation %d", lease.shard, lease.generation)
            run_shard(job, lease, model)
            lease.done()
            count += 1
    finally:
        leases.give_back()
    return count


def claimed(job: Job, leases: Leases, number: int = 0, workers: int = 1) -> Iterator[Lease]:
    """Yields leases of unfinished shards, one by one, until all are finished.

    While others hold them, leases are checked often, which are local files; results, which may lie in a store, as often
    as their place allows.
    """
    pause, listed = job.results.pause_s, float("-inf")
    pending: list[int] = []
    while True:
        if not pending or time.monotonic() - listed >= pause:
            pending, listed = _from_here(sorted(set(range(job.shards)) - job.done()), number, workers), time.monotonic()
        if not pending:
            leases.remove_dead()
            return
        before = len(pending)
        for shard in tuple(pending):
            lease = leases.take(shard)
            if lease is None:
                continue
            pending.remove(shard)
            if job.is_done(shard):  # since the listing
                lease.done()
            else:
                yield lease
        if len(pending) == before:
            time.sleep(_PAUSE_S)


def _from_here(shards: list[int], number: int, workers: int) -> list[int]:
    begin = len(shards) * number // max(1, workers)
    return shards[begin:] + shards[:begin]


def _open(job: Job, number: int) -> Model:
    from segcli.steps.predict.model import open_model

    if model_digest(ExportedModel.open(Path(job.model_dir))) != job.model_digest:
        raise WeightsError(
            "is another model than the batch began with", path=job.model_dir, hint="give another --out for it"
        )
    return open_model(job.model_name, job.model_dir, job.predict, _device(job.device, number))


def _device(devices: str, number: int) -> str:
    """Assigns one of several devices to each worker in turn: ``gpu:1`` of ``gpu:0,1`` to the second."""
    kind, ids = parse_device(devices)
    return f"{kind}:{ids[number % len(ids)]}" if len(ids) > 1 else devices
