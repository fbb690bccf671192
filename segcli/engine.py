"""What the rest of segcli needs of a library: one engine per task, one session per training.

The training loop, the callbacks and the steps know only these protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from segcli.config.schema import Config
from segcli.data.classes import ClassMap
from segcli.data.decoding.image_range import COLOURS
from segcli.models.spec import ModelSpec, Preprocess

if TYPE_CHECKING:
    from paddle import Tensor

    from segcli.data.identity import PartIdentity

Network = Any
"""A `paddle.nn.Layer`."""


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes:
        tensors: The library's own mapping of input names to tensors.
        paths: Images of the batch, for messages.
    """

    tensors: Mapping[str, Any]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """Result of measuring a network on the validation split.

    Attributes:
        score: Number by which the best checkpoint is chosen; higher is better. None where it is not defined, as the
            mask AP of images without objects.
        metrics: Everything measured, by name, as plain values for JSON.
    """

    score: float | None
    metrics: Mapping[str, Any]


class TrainingSession(Protocol):
    """Everything that one training needs, built by an engine and driven by `segcli.steps.train.loop`.

    Attributes:
        network: What is trained.
        forward: What the forward pass calls: the network or a layer around it, or the data-parallel wrapper of that.
        optimizer: Paddle's optimizer, with its schedule.
        preprocess: How images become inputs.
        score_name: Name of the score by which the best weights are chosen.
        total_iterations: Iterations of the whole training.
        eval_interval: Iterations between two evaluations.
        ema_decay: Decay of the moving average that belongs to the recipe; None where it has none.
        accumulate: Batches whose gradients make one iteration.
    """

    network: Network
    forward: Network
    optimizer: Any
    preprocess: Preprocess
    score_name: str
    total_iterations: int
    eval_interval: int
    ema_decay: float | None
    accumulate: int

    @property
    def data(self) -> Mapping[str, PartIdentity]:
        """What the parts of the dataset hold, by name (``train``, ``val``)."""

    @property
    def classes(self) -> ClassMap:
        """The classes of the dataset."""

    @property
    def train_images(self) -> Sequence[Path]:
        """The images that are learnt from."""

    @property
    def iterations_per_epoch(self) -> int:
        """Iterations in one pass over the training split."""

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from iteration `start` (0-based) on, `accumulate` of them per iteration.

        The batches of an iteration depend on the seed and the iteration alone, so that a resumed training sees exactly
        what an uninterrupted one would have seen.
        """

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """Forward pass in training mode: named scalar losses; ``loss`` is the one to minimise."""

    def evaluate(self, network: Network, most: int | None = None) -> Evaluation:
        """Measures `network` (the trained one or its moving average) on the validation split.

        Args:
            network: In evaluation mode.
            most: Number of images, the first ones of the split; None for all.
        """


class Engine(Protocol):
    """The one way to a library: networks, training sessions, and what an exported network computes."""

    def build_network(
        self,
        spec: ModelSpec,
        num_classes: int,
        *,
        input_size: int | None = None,
        options: Mapping[str, Any] | None = None,
        input_channels: int = COLOURS,
    ) -> Network:
        """The network with random weights, in training mode.

        Parameter names restart at each call, so that optimizer states of another process fit.

        Args:
            spec: The model.
            num_classes: Classes of its output.
            input_size: Side in pixels of the images that an instance model will mostly see.
            options: Arguments of an instance model's parts, as in `Train.network`.
            input_channels: Bands of a semantic model's images; other models take colours.
        """

    def open_training(self, spec: ModelSpec, config: Config) -> TrainingSession:
        """Reads the dataset, builds network, losses, transforms, optimizer and schedule.

        Raises:
            DatasetError: The dataset cannot be trained on.
        """

    def for_export(self, network: Network, spec: ModelSpec) -> Network:
        """A wrapper of `network` in evaluation mode whose forward is what the exported model computes."""

    def array_forward(self, network: Network, *, small: bool = True) -> Callable[..., Any]:
        """A network in evaluation mode as a function of arrays, without gradients.

        Args:
            network: Semantic: float32 [N, 3, H, W] to logits [N, C, H, W]. Instance: arrays by name to
                `segcli.inference.decode_objects.Outputs`.
            small: Whether the masks of an instance network stay as small as its head makes them.
        """


class InstanceEngine(Engine, Protocol):
    """What instance networks need beyond that to be exported."""

    def save_program(self, network: Network, stem: Path, size: tuple[int, int] | None, *, small: bool) -> None:
        """Writes `<stem>.json` and `<stem>.pdiparams`; `size` (height, width) None leaves the input free."""

    def save_two_parts(self, network: Network, stem: Path, heads: Path) -> None:
        """Writes an R-CNN as two programs: convolutions for any runtime, proposals and heads for Paddle."""
