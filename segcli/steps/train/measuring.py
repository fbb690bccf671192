"""Measures what training costs on this machine: a few steps of a temporary network at several batch sizes, and
an evaluation of it on a few images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcli import signals
from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config
from segcli.cpu import without_views
from segcli.data.budget import memory_bytes, peak_memory_mb
from segcli.device import cpu_threads
from segcli.engine import Batch, TrainingSession
from segcli.models.table import get_spec
from segcli.plan.choice import Cost, Means
from segcli.steps.train.losses import REFUSED, refused_input
from segcli.tasks import engine_of

_STEPS = 3
_STEPS_OF_OTHERS = 2
_EVALUATED = 2
_NOTICE = "stopping after this step (signal again to stop at once)"
_MEMORY_SHARE = 0.8
"""Share of the memory that a batch may use."""


@dataclass(frozen=True)
class Trial:
    """The measured cost of a few steps.

    Attributes:
        cost: Time and memory.
        step_mpx: Million pixels of one step.
    """

    cost: Cost
    step_mpx: float


def tried(config: Config, means: Means, sizes: Sequence[int] = ()) -> Trial:
    """Trains for a few steps and measures the fastest.

    Args:
        config: Its batch size is measured if `sizes` is empty.
        means: Device, and whether the user set a time limit (`on_request`), which is wall time.
        sizes: Batch sizes to compare, in ascending order; empty measures the configured one alone.
    """
    if config.Train.pretrain_weight_path == AUTO:
        config = config.replaced({"Train.pretrain_weight_path": None}, PLANNER)
    with without_views(get_spec(config.Global.model).trains_without_views):
        return _tried(config, means, sizes)


def _tried(config: Config, means: Means, sizes: Sequence[int]) -> Trial:
    spec, batch_size = get_spec(config.Global.model), config.Train.batch_size
    largest = max(sizes, default=batch_size)
    clock = _clock(means)
    first_begin = clock()
    session = engine_of(spec.task).open_training(
        spec, config.replaced({"Train.batch_size": largest, "Train.accumulate": 1}, PLANNER)
    )
    session.network.train()
    begin = clock()
    whole = next(session.batches(0))
    loading = (clock() - begin) / largest
    costs: dict[int, float] = {}
    mpx = 0.0
    for size in sizes or (batch_size,):
        part = _part(whole, size, largest)
        mpx = _mpx(part)
        seconds = _seconds(session, part, clock, _STEPS if not costs else _STEPS_OF_OTHERS)
        if seconds is None:
            break
        costs[size] = (seconds + loading * size) / mpx
        if _memory_mb() > _MEMORY_SHARE * _room_mb():
            costs = costs if len(costs) == 1 else {at: cost for at, cost in costs.items() if at != size}
            break
    first = next(iter(costs.values()), 1.0)
    memory = _memory_mb() or None
    seconds_per_val_image = _evaluation_seconds(session, clock)
    spent = clock() - first_begin
    return Trial(Cost(first, memory, True, costs if sizes else {}, seconds_per_val_image, spent), mpx)


def _clock(means: Means) -> Callable[[], float]:
    """A clock in seconds that other programs on the machine influence little.

    On a CPU it counts the CPU time of all threads; for a time limit set by the user, divided by the number of threads
    to estimate wall time.
    """
    if means.device != "cpu":
        return _device_clock
    threads = cpu_threads() if means.on_request else 1
    return lambda: time.process_time() / threads


def _device_clock() -> float:
    import paddle

    paddle.device.synchronize()
    return time.perf_counter()


def _seconds(session: TrainingSession, batch: Batch, clock: Callable[[], float], steps: int) -> float | None:
    """Seconds of the fastest of `steps` steps; None if memory runs out.

    Raises:
        TrainingError: An operator refuses its input; names the images.
        Stopped: A signal came.
    """
    took: list[float] = []
    # what is raised in an operator of Python's, in the backward pass, arrives as an error of Paddle's
    with signals.postponed(_NOTICE) as request:
        while len(took) < steps and request.number is None:
            begin = clock()
            try:
                session.losses(batch)["loss"].backward()
                session.optimizer.step()
                session.optimizer.clear_grad()
            except (MemoryError, RuntimeError) as fault:
                if not isinstance(fault, MemoryError) and "memory" not in str(fault).lower():
                    raise
                took.clear()
                break
            except ValueError as fault:
                if REFUSED not in str(fault):
                    raise
                raise refused_input(fault, len(took) + 1, batch.paths, session.network) from fault
            took.append(clock() - begin)
    if request.number is not None:
        raise signals.Stopped(request.number)
    return min(took, default=None)


def _evaluation_seconds(session: TrainingSession, clock: Callable[[], float]) -> float:
    """Seconds per image of an evaluation: an upper bound, since a network that has learnt finds fewer objects."""
    session.network.eval()
    session.evaluate(session.network, most=1)  # what is imported and built once
    begin = clock()
    session.evaluate(session.network, most=_EVALUATED)
    return (clock() - begin) / min(_EVALUATED, max(session.data["val"].samples, 1))


def _part(batch: Batch, size: int, largest: int) -> Batch:
    """The first images of a batch."""
    return Batch({name: _first(value, size, largest) for name, value in batch.tensors.items()}, batch.paths[:size])


def _first(value: Any, size: int, largest: int) -> Any:
    if isinstance(value, list | tuple):
        return value[:size] if len(value) == largest else value
    shape: Sequence[int] = getattr(value, "shape", ())
    return value[:size] if len(shape) and shape[0] == largest else value


def _mpx(batch: Batch) -> float:
    tensors: Mapping[str, Any] = batch.tensors
    image = tensors["img"] if "img" in tensors else tensors["image"]
    return max(int(image.shape[0]) * int(image.shape[2]) * int(image.shape[3]), 1) / 1e6


def _memory_mb() -> float:
    """Peak memory in MB so far: of the GPU, or of the process."""
    import paddle

    if paddle.get_device().startswith("gpu"):
        return float(paddle.device.cuda.max_memory_allocated()) / 1e6
    return peak_memory_mb() or 0.0


def _room_mb() -> float:
    import paddle

    if paddle.get_device().startswith("gpu"):
        return float(paddle.device.cuda.get_device_properties().total_memory) / 1e6
    return memory_bytes() / 1e6
