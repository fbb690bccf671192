"""Batches of an engine's training samples, in the order of training."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from segcli.config.schema import Config
from segcli.cores import available_cores
from segcli.data.budget import memory_bytes
from segcli.data.sampling import BatchSampler, SampleOrder
from segcli.engine import Batch

log = logging.getLogger("segcli.train")

_FAULT = "exception"
_MOST_WORKERS = 8
_PREFETCHED = 2
"""Batches that each loading process holds ready, as Paddle's loader has it; one more is in the making."""
_SHARED_MEMORY = Path("/dev/shm")
_ROOM_SHARE = 0.8
"""Of the free shared memory, and of half the memory, that batches may fill."""

Collate = Callable[[list[dict[str, Any]]], Any]


class TrainingSamples(Protocol):
    """A training set indexed by the position in the training.s sample order."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, position: int) -> dict[str, Any]:
        """The sample at a position, read and augmented."""

    def path_of(self, position: int) -> str:
        """Path of the image at a position, for messages."""


def worker_count(wanted: int | Literal["auto"]) -> int:
    """Processes that load: the wanted number, or what suits the device.

    On the CPU loading is a few hundredths of a step, and processes would take cores from the network. A GPU waits for
    its images where it has not several cores to itself.
    """
    if wanted != "auto":
        return wanted
    import paddle

    if paddle.get_device() == "cpu":
        return 0
    count = max(1, min(_MOST_WORKERS, available_cores() // _processes_here() - 1))
    log.info("images are loaded in processes of their own: %d (Train.num_workers)", count)
    return count


def _processes_here() -> int:
    """Training processes of this machine."""
    return int(os.environ.get("PADDLE_LOCAL_SIZE", "1"))


def fitting_workers(wanted: int, batch_bytes: int) -> tuple[int, bool]:
    """How many processes can load with their batches in memory, and whether they pass them through shared memory.

    Docker gives a container 64 MB of shared memory; a batch beyond that ends the training with a bus error.
    """
    each = max(batch_bytes * (_PREFETCHED + 1) * _processes_here(), 1)
    count = max(1, min(wanted, int(memory_bytes() * _ROOM_SHARE / 2) // each))
    shared = shutil.disk_usage(_SHARED_MEMORY).free if _SHARED_MEMORY.is_dir() else 0
    fits = int(shared * _ROOM_SHARE) // each
    if fits >= count:
        return count, True
    room = f"{batch_bytes / 1e6:.0f} MB per batch and {shared / 1e6:.0f} MB of shared memory (docker run --shm-size=8g)"
    if fits:
        log.warning("%d instead of %d processes load: %s", fits, count, room)
        return fits, True
    log.warning("batches are passed without shared memory, which is slower: %s", room)
    return count, False


def can_start_workers() -> bool:
    """Whether the system has the semaphores that loading processes need; on Linux they lie in /dev/shm."""
    try:
        multiprocessing.get_context().Lock()
    except (OSError, ImportError) as fault:
        log.warning("images are loaded without processes of their own: the system gives no semaphores (%s)", fault)
        return False
    return True


def _size_of(value: Any) -> int:
    """Bytes of all arrays in a batch."""
    if isinstance(value, dict):
        return sum(map(_size_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_size_of, value))
    return int(getattr(value, "nbytes", 0))


def sample_order(samples: int, config: Config) -> SampleOrder:
    """The order in which this process takes the samples of a training set."""
    import paddle

    settings = config.Train
    return SampleOrder(
        samples=samples,
        batch_size=settings.batch_size * settings.accumulate,
        seed=config.Global.seed,
        rank=paddle.distributed.get_rank(),
        world_size=paddle.distributed.get_world_size(),
        parts=settings.accumulate,
        per_epoch=settings.images_per_epoch,
    )


def load_batches(
    samples: TrainingSamples,
    order: SampleOrder,
    *,
    start: int,
    stop: int,
    num_workers: int = 0,
    collate: Collate | None = None,
) -> Iterator[Batch]:
    """Batches of the iterations from `start` to `stop` (0-based, exclusive).

    Args:
        samples: The training set.
        order: The samples of each batch.
        start: First iteration.
        stop: Iteration before which to end.
        num_workers: Processes that load; 0 loads in this one.
        collate: Joins the samples of a batch; None stacks them.
    """
    plan = BatchSampler(order, start, stop)
    loaded = (
        _load_in_processes(samples, plan, collate, num_workers)
        if num_workers and can_start_workers()
        else _load_here(samples, plan, collate)
    )
    for numbers, tensors in zip(plan, loaded, strict=True):
        yield Batch(tensors, tuple(samples.path_of(position) for position in numbers))


def _load_here(samples: TrainingSamples, plan: BatchSampler, collate: Collate | None) -> Iterator[Any]:
    """Loads in this thread: Paddle's loader reads in another one and hangs when a sample raises."""
    from paddle.io.dataloader.collate import default_collate_fn

    join = collate or default_collate_fn
    for numbers in plan:
        yield _as_tensors(join([samples[position] for position in numbers]))


def _load_in_processes(
    samples: TrainingSamples, plan: BatchSampler, collate: Collate | None, num_workers: int
) -> Iterator[Any]:
    """Loads in processes; what a sample raises comes back as data, because Paddle's loader hangs on it as well."""
    import paddle

    guarded, join = _Guarded(samples), partial(_join_guarded, collate)
    first = next(iter(plan), [])
    # a sample is a function of its position: looking at the first batch changes nothing
    count, shared = fitting_workers(
        num_workers, _size_of(join([guarded[position] for position in first])) if first else 0
    )
    loader = paddle.io.DataLoader(
        guarded,
        batch_sampler=plan,
        num_workers=count,
        collate_fn=join,
        return_list=True,
        use_shared_memory=shared,
        prefetch_factor=_PREFETCHED,
    )
    loaded: Any = iter(loader)
    try:
        for tensors in loaded:
            if _FAULT in tensors:
                raise pickle.loads(tensors[_FAULT].numpy().tobytes())
            yield tensors
    finally:
        # left to the garbage collector, its processes live on, and outlive a killed training
        loaded._try_shutdown_all()


class _Guarded:
    """Samples that are exceptions where reading them raised one."""

    def __init__(self, samples: TrainingSamples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, position: int) -> dict[str, Any] | Exception:
        try:
            return self._samples[position]
        except Exception as fault:  # any: the parent process decides
            return fault


def _join_guarded(collate: Collate | None, samples: list[Any]) -> Any:
    from paddle.io.dataloader.collate import default_collate_fn

    faults = [sample for sample in samples if isinstance(sample, Exception)]
    if faults:
        return {_FAULT: np.frombuffer(pickle.dumps(faults[0]), np.uint8)}
    return (collate or default_collate_fn)(samples)


def _as_tensors(value: Any) -> Any:
    import paddle

    if isinstance(value, np.ndarray):
        return paddle.to_tensor(value)
    if isinstance(value, dict):
        return {name: _as_tensors(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_as_tensors(entry) for entry in value]
    return value
