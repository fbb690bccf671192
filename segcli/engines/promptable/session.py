"""The parts of a training session that both kinds of promptable networks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from segcli.data.classes import ClassMap
from segcli.data.identity import PartIdentity
from segcli.data.sampling import SampleOrder
from segcli.engine import Batch, Network
from segcli.engines.promptable.threaded_batches import threaded_batches
from segcli.inference.square_input import SquareInput
from segcli.models.spec import Preprocess


class PromptableSamples(Protocol):
    """A training set: item `d` is position `d` of its order."""

    @property
    def order(self) -> SampleOrder:
        """The order of training."""

    @property
    def preprocess(self) -> SquareInput:
        """How images become inputs."""

    def load(self, position: int) -> Any:
        """The sample at a position."""

    def path_of(self, position: int) -> str:
        """Path of the image at a position."""


S = TypeVar("S", bound=PromptableSamples)


@dataclass(kw_only=True)
class PromptableSession(Generic[S]):
    """See `segcli.engine.TrainingSession`, without `losses` and `evaluate`, which subclasses add.

    Attributes:
        forward: The step as a layer, or its data-parallel wrapper.
        samples: The training split.
        num_workers: Threads that load images.
    """

    network: Network
    forward: Network
    optimizer: Any
    classes: ClassMap
    preprocess: Preprocess
    samples: S
    total_iterations: int
    eval_interval: int
    num_workers: int
    data: Mapping[str, PartIdentity]
    ema_decay: float | None = None
    accumulate: int = 1

    @property
    def train_images(self) -> Sequence[Path]:
        """Empty: inputs of a promptable model may be images of any kind."""
        return ()

    @property
    def iterations_per_epoch(self) -> int:
        """Iterations in one pass over the training split."""
        return self.samples.order.iterations_per_epoch

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from iteration `start` to the end."""
        return threaded_batches(
            self.samples.load,
            self.samples.path_of,
            self.samples.order,
            start=start,
            stop=self.total_iterations,
            num_workers=self.num_workers,
        )
