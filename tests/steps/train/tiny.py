"""A session that needs no library but paddle: fits a line, so that loop and callbacks are tested by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import paddle

from segcli.data.classes import ClassMap
from segcli.data.identity import PartIdentity
from segcli.engine import Batch, Evaluation
from segcli.models.spec import Preprocess


class LineSession:
    """Fits y = 2x + 1 with dropout on the input, so that randomness inside the network is covered too."""

    score_name = "fit"
    ema_decay = None
    iterations_per_epoch = 4
    accumulate = 1
    classes = ClassMap(("a", "b"))
    preprocess = Preprocess()
    train_images = ()

    def __init__(
        self,
        total_iterations: int = 8,
        eval_interval: int = 4,
        bad_iteration: int | None = None,
        rate: float | None = None,
    ) -> None:
        rate = rate or 0.1
        self.total_iterations = total_iterations
        self.eval_interval = eval_interval
        self.bad_iteration = bad_iteration
        self.scores: list[float] = []
        self.data = {"train": PartIdentity(24, "a"), "val": PartIdentity(20, "b")}
        paddle.seed(0)
        with paddle.utils.unique_name.guard():
            self.network = paddle.nn.Sequential(
                paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4), paddle.nn.Dropout(0.3), paddle.nn.Linear(4, 1)
            )
            schedule = paddle.optimizer.lr.LinearWarmup(
                paddle.optimizer.lr.PolynomialDecay(rate, total_iterations), 2, rate / 10, rate
            )
            self.optimizer = paddle.optimizer.AdamW(schedule, parameters=self.network.parameters())
        self.forward = self.network

    def batches(self, start: int) -> Iterator[Batch]:
        for iteration in range(start, self.total_iterations):
            x = np.random.RandomState(iteration).rand(6, 3).astype("float32")
            y = 2 * x.sum(1, keepdims=True) + 1
            if iteration == self.bad_iteration:
                y[0] = np.nan
            yield Batch({"x": paddle.to_tensor(x), "y": paddle.to_tensor(y)}, (f"{iteration}.png",) * 6)

    def losses(self, batch: Batch):
        error = ((self.forward(batch.tensors["x"]) - batch.tensors["y"]) ** 2).mean()
        return {"loss": error}

    def evaluate(self, network, most=None) -> Evaluation:
        x = np.random.RandomState(99).rand(20, 3).astype("float32")
        with paddle.no_grad():
            error = float(((network(paddle.to_tensor(x)) - (2 * x.sum(1, keepdims=True) + 1)) ** 2).mean())
        score = self.scores.pop(0) if self.scores else 1 / (1 + error)
        return Evaluation(score, {"error": error})
