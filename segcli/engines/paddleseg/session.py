"""One training of a PaddleSeg network."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segcli.batches import load_batches
from segcli.data.augment.scene import LabelScene
from segcli.data.classes import ClassMap
from segcli.data.identity import PartIdentity, identities
from segcli.data.samples import SegDataset
from segcli.data.sampling import SampleOrder
from segcli.engine import Batch, Evaluation, Network
from segcli.engines.paddleseg.parts import compute_losses
from segcli.engines.paddleseg.stream import SampleStream
from segcli.inference.on_device import OnDevice
from segcli.metrics.semantic_measure import measure
from segcli.models.spec import Preprocess

if TYPE_CHECKING:
    from paddle import Tensor

log = logging.getLogger("segcli.train")


@dataclass
class SemanticSession:
    """What `segcli.steps.train.loop` drives; see `segcli.engine.TrainingSession`.

    Attributes:
        forward: What the forward pass calls: the network, its static graph or its data-parallel wrapper.
        dataset: Both splits and the classes.
        stream: The training images.
        order: The order of training.
        loss_parts: PaddleSeg's losses and their coefficients.
        num_workers: Processes that load images.
        measure_options: Options of the evaluation on the validation split.
    """

    network: Network
    forward: Network
    optimizer: Any
    dataset: SegDataset
    stream: SampleStream
    order: SampleOrder
    loss_parts: dict[str, list[Any]]
    preprocess: Preprocess
    total_iterations: int
    eval_interval: int
    num_workers: int
    measure_options: Mapping[str, Any]
    score_name: str = "mIoU"
    ema_decay: float | None = None

    @property
    def classes(self) -> ClassMap:
        """The classes of the dataset."""
        return self.dataset.classes

    @cached_property
    def data(self) -> Mapping[str, PartIdentity]:
        """Identity of the contents of each split of the dataset."""
        return identities(self.dataset)

    @property
    def accumulate(self) -> int:
        """Batches whose gradients make one iteration."""
        return self.order.parts

    @property
    def train_images(self) -> Sequence[Path]:
        """The training images."""
        return [sample.image for sample in self.dataset.train]

    @property
    def iterations_per_epoch(self) -> int:
        """Iterations in one pass over the training split."""
        return self.order.iterations_per_epoch

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from iteration `start` to the end."""
        return load_batches(
            self.stream, self.order, start=start, stop=self.total_iterations, num_workers=self.num_workers
        )

    def scene(self, position: int) -> LabelScene:
        """What the network receives at a position, before normalisation."""
        return self.stream.scene(position)

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """The weighted loss of each output (``loss_0``, ``loss_1``, ... when there are several) and their sum."""
        parts = compute_losses(self.network, self.forward, batch.tensors, self.loss_parts)
        total = _reaching_all(sum(parts), self.network)
        if len(parts) == 1:
            return {"loss": total}
        return {"loss": total, **{f"loss_{index}": part for index, part in enumerate(parts)}}

    def evaluate(self, network: Network, most: int | None = None) -> Evaluation:
        """Measures the network on the first `most` images of the validation split, or on all."""
        report = measure(
            network_forward(network), self.dataset.val[:most], self.classes, self.preprocess, **self.measure_options
        )
        return Evaluation(score=report.totals()["mIoU"], metrics=report.as_dict())


def _reaching_all(loss: Tensor, network: Network) -> Tensor:
    """The loss; where it has no gradient at all, every parameter gets a gradient of 0.

    MaskFormer's loss is a constant for a batch without a labelled pixel, while processes that train together wait for
    the gradients of each other's batches.
    """
    if not loss.stop_gradient:
        return loss
    out: Tensor = loss + 0.0 * sum(parameter.sum() for parameter in network.parameters() if not parameter.stop_gradient)
    return out


def network_forward(network: Network) -> Any:
    """The network as a function from a float32 array [N, channels, H, W] to its logits [N, C, H, W], without gradients.

    On a device other than the CPU, the argmax over the classes is computed there: the logits of one 2048 x 1024 image
    with 19 classes are 160 MB, its label map 2 MB.
    """
    import paddle

    forward = ArrayForward(network)
    return forward if paddle.get_device() == "cpu" else OnDevice(forward.tensor)


class ArrayForward:
    """A network as a function of arrays.

    Args:
        network: In evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits [N, C, H, W] of normalised images [N, channels, H, W]."""
        return np.asarray(self.tensor(images).numpy())

    def tensor(self, images: npt.NDArray[np.float32]) -> Tensor:
        """The same as a tensor on the network's device."""
        import paddle

        with paddle.no_grad():
            outputs = self._network(paddle.to_tensor(images))
        out: Tensor = outputs[0] if isinstance(outputs, list | tuple) else outputs
        return out
