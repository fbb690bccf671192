"""One training of a PaddleDetection network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcli.batches import load_batches
from segcli.data.augment.scene import ObjectScene
from segcli.data.classes import ClassMap
from segcli.data.identity import PartIdentity
from segcli.data.sampling import SampleOrder
from segcli.engine import Batch, Evaluation, Network
from segcli.engines.paddledet.stream import InstanceStream
from segcli.models.spec import Preprocess

if TYPE_CHECKING:
    from paddle import Tensor


@dataclass
class InstanceSession:
    """What `segcli.steps.train.loop` drives; see `segcli.engine.TrainingSession`.

    Attributes:
        forward: What the forward pass calls: the network or its data-parallel wrapper.
        stream: The training images.
        order: The order of training.
        collate: Joins the samples of a batch.
        measure: Measures a network on so many images of the validation split; None stands for all.
        num_workers: Processes that load images.
    """

    network: Network
    forward: Network
    optimizer: Any
    classes: ClassMap
    preprocess: Preprocess
    stream: InstanceStream
    order: SampleOrder
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    measure: Callable[[Network, int | None], Evaluation]
    total_iterations: int
    eval_interval: int
    num_workers: int
    data: Mapping[str, PartIdentity]
    ema_decay: float | None = None
    score_name: str = "mask AP"

    @property
    def accumulate(self) -> int:
        """Batches whose gradients make one iteration."""
        return self.order.parts

    @property
    def train_images(self) -> Sequence[Path]:
        """The training images."""
        return self.stream.paths

    @property
    def iterations_per_epoch(self) -> int:
        """Iterations in one pass over the training split."""
        return self.order.iterations_per_epoch

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from iteration `start` to the end."""
        loaded = load_batches(
            self.stream,
            self.order,
            start=start,
            stop=self.total_iterations,
            num_workers=self.num_workers,
            collate=self.collate,
        )
        for number, batch in enumerate(loaded, start=start * self.accumulate):
            # PaddleDetection's assigners may change with the epoch
            epoch = number // self.accumulate // self.iterations_per_epoch
            yield Batch({**batch.tensors, "epoch_id": epoch}, batch.paths)

    def scene(self, position: int) -> ObjectScene:
        """What the network receives at a position, before normalisation."""
        return self.stream.scene(position)

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """The network's own losses; ``loss`` is the one to minimise."""
        found: Mapping[str, Tensor] = self.forward(batch.tensors)
        return found

    def evaluate(self, network: Network, most: int | None = None) -> Evaluation:
        """Measures the network on the first `most` images of the validation split, or on all."""
        return self.measure(network, most)
