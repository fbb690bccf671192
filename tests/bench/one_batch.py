"""Our training loop on a session that always gives the same batch, for comparing the time of iterations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import repeat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from segcli.cpu import without_views
from segcli.engine import Batch, Evaluation
from segcli.models.table import get_spec

if TYPE_CHECKING:
    from segcli.steps.train.state import Callback, TrainState


@dataclass(frozen=True)
class OneBatch:
    """What is trained on.

    Attributes:
        images: Of the batch.
        side_px: Of each image, which is square.
        classes: Of the labels.
        learning_rate: The highest of the schedule.
    """

    images: int
    side_px: int
    classes: int
    learning_rate: float

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Noise with random labels: ``img`` float32 [N, 3, S, S], ``label`` int64 [N, S, S]."""
        rng = np.random.default_rng(0)
        shape = (self.images, self.side_px, self.side_px)
        image = rng.random((self.images, 3, self.side_px, self.side_px), np.float32)
        return {"img": image, "label": rng.integers(0, self.classes, shape)}

    def tensors(self, name: str) -> dict[str, Any]:
        """`arrays` as what the training of a semantic model is given."""
        import paddle

        arrays = self.arrays()
        tensors = {key: paddle.to_tensor(value) for key, value in arrays.items()}
        if get_spec(name).network["type"] != "MaskFormer":
            return tensors
        makes_masks = import_module("paddleseg.transforms").GenerateInstanceTargets(self.classes)
        targets = [makes_masks({"img": arrays["img"][0], "label": label})["instances"] for label in arrays["label"]]
        wanted = ("gt_classes", "gt_masks")
        return {**tensors, "instances": {key: paddle.to_tensor(np.stack([t[key] for t in targets])) for key in wanted}}

    def parts(self, name: str) -> tuple[Any, Any, Any]:
        """Network, optimizer and losses of a semantic model, freshly built."""
        import paddle

        from segcli.engines.paddleseg.networks import build
        from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule

        recipe = get_spec(name).recipe
        assert recipe is not None
        paddle.seed(0)
        network = build(get_spec(name), self.classes)
        schedule = build_schedule(
            recipe.lr_scheduler, learning_rate=self.learning_rate, warmup_steps=0, iterations=1000
        )
        losses = build_losses(recipe.loss, num_classes=self.classes, ignore_index=255, class_weights=None)
        return network, build_optimizer(recipe.optimizer, network, schedule), losses

    def train(self, name: str, iterations: int, callbacks: Sequence[Callback] = ()) -> None:
        """Our loop, for so many iterations."""
        from segcli.engines.paddleseg.parts import compute_losses
        from segcli.steps.train.loop import run as train
        from segcli.steps.train.precision import FullPrecision
        from segcli.steps.train.state import TrainState

        with without_views(get_spec(name).trains_without_views):
            network, optimizer, losses = self.parts(name)
            batch = Batch(self.tensors(name), tuple(f"{number}.png" for number in range(self.images)))
            session: Any = SimpleNamespace(
                network=network,
                optimizer=optimizer,
                losses=lambda given: {"loss": sum(compute_losses(network, network, given.tensors, losses))},
                batches=lambda _start: repeat(batch),
                evaluate=lambda _network: Evaluation(0.0, {}),
                total_iterations=iterations,
                eval_interval=iterations,
                accumulate=1,
            )
            train(TrainState(session), FullPrecision(), callbacks)

    def fastest(self, name: str, iterations: int, clock: Callable[[], float] = time.process_time) -> float:
        """Seconds of the fastest of so many iterations of our loop, from the end of one to the end of the next."""
        from segcli.steps.train.state import Callback

        class Fastest(Callback):
            """Looks at the clock after each iteration."""

            begin, best = 0.0, float("inf")

            def on_start(self, state: TrainState) -> None:
                self.begin = clock()

            def on_step(self, state: TrainState) -> None:
                end = clock()
                self.begin, self.best = end, min(self.best, end - self.begin)

        fastest = Fastest()
        self.train(name, iterations, [fastest])
        return fastest.best
