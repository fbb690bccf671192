"""Batches of an engine's sample stream, loaded by Paddle's loader in the order of the draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from segcli.engines.protocol import Batch
from segcli.train.draws import BatchPlan, Draws


class DrawnSamples(Protocol):
    """A training set addressed by the number of the draw."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, draw: int) -> dict[str, Any]:
        """The sample of a draw, read and augmented."""

    def path_of(self, draw: int) -> str:
        """Path of the picture of a draw, for messages."""


def load_batches(
    samples: DrawnSamples,
    draws: Draws,
    *,
    start: int,
    stop: int,
    num_workers: int = 0,
    collate: Callable[[list[dict[str, Any]]], Any] | None = None,
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
    import paddle

    plan = BatchPlan(draws, start, stop)
    loader = paddle.io.DataLoader(
        samples, batch_sampler=plan, num_workers=num_workers, collate_fn=collate, return_list=True
    )
    for numbers, tensors in zip(plan, loader, strict=True):
        yield Batch(tensors, tuple(samples.path_of(draw) for draw in numbers))
