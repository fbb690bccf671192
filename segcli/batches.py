"""Batches of an engine's sample stream, in the order of the draws."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np

from segcli.data.sampling import BatchPlan, Draws
from segcli.engine import Batch

_FAULT = "exception"

Collate = Callable[[list[dict[str, Any]]], Any]


class DrawnSamples(Protocol):
    """A training set addressed by the number of the draw."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, draw: int) -> dict[str, Any]:
        """The sample of a draw, read and augmented."""

    def path_of(self, draw: int) -> str:
        """Path of the image of a draw, for messages."""


def load_batches(
    samples: DrawnSamples,
    draws: Draws,
    *,
    start: int,
    stop: int,
    num_workers: int = 0,
    collate: Collate | None = None,
) -> Iterator[Batch]:
    """Batches of the iterations from `start` to `stop` (0-based, exclusive).

    Args:
        samples: The training set.
        draws: Which draws make a batch.
        start: First iteration.
        stop: Iteration before which to end.
        num_workers: Processes that load; 0 loads in this one.
        collate: Joins the samples of a batch; None stacks them.
    """
    plan = BatchPlan(draws, start, stop)
    loaded = (
        _load_here(samples, plan, collate) if num_workers == 0 else _load_apart(samples, plan, collate, num_workers)
    )
    for numbers, tensors in zip(plan, loaded, strict=True):
        yield Batch(tensors, tuple(samples.path_of(draw) for draw in numbers))


def _load_here(samples: DrawnSamples, plan: BatchPlan, collate: Collate | None) -> Iterator[Any]:
    """Loads in this thread: Paddle's loader reads in another one and hangs when a sample raises."""
    from paddle.io.dataloader.collate import default_collate_fn

    join = collate or default_collate_fn
    for numbers in plan:
        yield _as_tensors(join([samples[draw] for draw in numbers]))


def _load_apart(samples: DrawnSamples, plan: BatchPlan, collate: Collate | None, num_workers: int) -> Iterator[Any]:
    """Loads in processes; what a sample raises comes back as data, because Paddle's loader hangs on it as well."""
    import paddle

    loader = paddle.io.DataLoader(
        _Guarded(samples),
        batch_sampler=plan,
        num_workers=num_workers,
        collate_fn=partial(_join_guarded, collate),
        return_list=True,
    )
    for tensors in loader:
        if _FAULT in tensors:
            raise pickle.loads(tensors[_FAULT].numpy().tobytes())
        yield tensors


class _Guarded:
    """Samples that are exceptions where reading them raised one."""

    def __init__(self, samples: DrawnSamples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, draw: int) -> dict[str, Any] | Exception:
        try:
            return self._samples[draw]
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
