"""One training iteration of ours against PaddleSeg's own train step, same network, batch and threads."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import numpy as np

from segcli.engines.protocol import Batch, Evaluation
from segcli.models.table import get_spec
from tests.bench.table import Row

MODELS = ("PP-LiteSeg-T", "SegFormer-B0")
ITERATIONS = 6
CLASSES = 3
SIDE_PX = 256


def _parts(name: str) -> tuple[Any, Any, Any]:
    """Network, optimizer and losses of one model, freshly built."""
    import paddle

    from segcli.engines.paddleseg.engine import PaddleSegEngine
    from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule

    spec = get_spec(name)
    paddle.seed(0)
    network = PaddleSegEngine().build_network(spec, CLASSES)
    assert spec.recipe is not None
    schedule = build_schedule(spec.recipe.lr_scheduler, learning_rate=1e-3, warmup_steps=0, iterations=100)
    losses = build_losses(spec.recipe.loss, num_classes=CLASSES, ignore_index=255, class_weights=None)
    return network, build_optimizer(spec.recipe.optimizer, network, schedule), losses


def _batch() -> dict[str, Any]:
    import paddle

    rng = np.random.default_rng(0)
    return {
        "img": paddle.to_tensor(rng.random((2, 3, SIDE_PX, SIDE_PX), np.float32)),
        "label": paddle.to_tensor(rng.integers(0, CLASSES, (2, SIDE_PX, SIDE_PX))),
    }


def _our_steps(name: str) -> Callable[[], None]:
    from segcli.engines.paddleseg.parts import compute_losses
    from segcli.train.loop import run
    from segcli.train.precision import FullPrecision
    from segcli.train.state import TrainState

    network, optimizer, parts = _parts(name)
    batch = Batch(_batch(), ("a", "b"))

    def losses(given: Batch) -> dict[str, Any]:
        return {"loss": sum(compute_losses(network, network, given.tensors, parts))}

    def batches(_start: int) -> Iterator[Batch]:
        return cycle([batch])

    session: Any = SimpleNamespace(
        network=network, forward=network, optimizer=optimizer, losses=losses, batches=batches,
        evaluate=lambda _network: Evaluation(0.0, {}), total_iterations=ITERATIONS, eval_interval=10**9,
    )  # fmt: skip
    return lambda: (run(TrainState(session), FullPrecision(), []), None)[1]


def _their_steps(name: str) -> Callable[[], None]:
    import paddle

    module = importlib.import_module("paddleseg.core.train")
    network, optimizer, parts = _parts(name)
    data = _batch()

    class Fixed(paddle.io.Dataset):  # type: ignore[misc]
        """The same batch, whatever is asked for."""

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {key: value[index % 2] for key, value in arrays.items()}

        def __len__(self) -> int:
            return 2

    arrays = {key: value.numpy() for key, value in data.items()}
    paddle.flops = lambda *_args, **_kwargs: 0
    module.time = SimpleNamespace(time=time.time, sleep=lambda _seconds: None)

    def steps() -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            module.train(
                network, Fixed(), optimizer=optimizer, save_dir=folder, iters=ITERATIONS, batch_size=2, losses=parts,
                log_iters=10**6, save_interval=10**6,
            )  # fmt: skip

    return steps


def _cpu_seconds(steps: Callable[[], None]) -> float:
    begin = time.process_time()
    steps()
    return (time.process_time() - begin) / ITERATIONS


def run() -> list[Row]:
    """CPU seconds an iteration; ours must not be slower (bar 1.0, with the machine's noise 1.1)."""
    rows = []
    for name in MODELS:
        ours, theirs = _our_steps(name), _their_steps(name)
        ours(), theirs()
        measured = min(_cpu_seconds(ours) for _ in range(2))
        reference = min(_cpu_seconds(theirs) for _ in range(2))
        rows.append(
            Row(f"training iteration, {name}", f"{measured:.2f} s", f"{reference:.2f} s", reference / measured, 1.0)
        )
    return rows
