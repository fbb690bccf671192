"""One training iteration of ours against PaddleSeg's own train(): same network, batch, losses and optimizer."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import repeat
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from segcli.engine import Batch, Evaluation
from segcli.models.table import get_spec
from tests.bench.table import Row

MODELS = ("PP-LiteSeg-T", "SegFormer-B0")
ITERATIONS = 4
CLASSES = 3
SIDE_PX = 256


def _batch() -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    shape = (2, SIDE_PX, SIDE_PX)
    return {"img": rng.random((2, 3, SIDE_PX, SIDE_PX), np.float32), "label": rng.integers(0, CLASSES, shape)}


def _parts(name: str) -> tuple[Any, Any, Any]:
    """Network, optimizer and losses of one model, freshly built."""
    import paddle

    from segcli.engines.paddleseg.networks import build
    from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule

    spec = get_spec(name)
    assert spec.recipe is not None
    paddle.seed(0)
    network = build(spec, CLASSES)
    schedule = build_schedule(spec.recipe.lr_scheduler, learning_rate=1e-3, warmup_steps=0, iterations=1000)
    losses = build_losses(spec.recipe.loss, num_classes=CLASSES, ignore_index=255, class_weights=None)
    return network, build_optimizer(spec.recipe.optimizer, network, schedule), losses


def our_iterations(name: str) -> None:
    """Our loop, on a session that always gives the same batch."""
    import paddle

    from segcli.engines.paddleseg.parts import compute_losses
    from segcli.steps.train.loop import run as train
    from segcli.steps.train.precision import FullPrecision
    from segcli.steps.train.state import TrainState

    network, optimizer, parts = _parts(name)
    batch = Batch({key: paddle.to_tensor(value) for key, value in _batch().items()}, ("a", "b"))
    session: Any = SimpleNamespace(
        network=network,
        optimizer=optimizer,
        losses=lambda given: {"loss": sum(compute_losses(network, network, given.tensors, parts))},
        batches=lambda _start: repeat(batch),
        evaluate=lambda _network: Evaluation(0.0, {}),
        total_iterations=ITERATIONS,
        eval_interval=ITERATIONS,
        accumulate=1,
    )
    train(TrainState(session), FullPrecision(), [])


def their_iterations(name: str) -> None:
    """PaddleSeg's own train() without our patch for speed, its closing count of operations and its pause."""
    import paddle

    from segcli.engines.paddleseg.patches import PATCHES

    network, optimizer, parts = _parts(name)
    arrays = _batch()

    class SameBatch(paddle.io.Dataset):
        """Two samples, again and again."""

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {key: value[index] for key, value in arrays.items()}

        def __len__(self) -> int:
            return 2

    module = importlib.import_module("paddleseg.core.train")
    speed = next(one for one in PATCHES if one.attribute == "avg_max_reduce_channel_helper")
    with ExitStack() as stack:
        stack.enter_context(patch.object(speed.find_owner(), speed.attribute, speed.original))
        stack.enter_context(patch.object(paddle, "flops", lambda *_args, **_kwargs: 0))
        stack.enter_context(patch.object(module.time, "sleep", lambda _seconds: None))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        module.train(
            network,
            SameBatch(),
            optimizer=optimizer,
            save_dir=folder,
            iters=ITERATIONS,
            batch_size=2,
            losses=parts,
            log_iters=ITERATIONS + 1,
            save_interval=ITERATIONS + 1,
        )


def _cpu_seconds(iterations: Callable[[str], None], name: str) -> float:
    """CPU seconds an iteration, the least of two runs; building the network counts for both sides."""
    seconds = []
    for _ in range(2):
        begin = time.process_time()
        iterations(name)
        seconds.append((time.process_time() - begin) / ITERATIONS)
    return min(seconds)


def run() -> list[Row]:
    """CPU seconds an iteration; ours must not be slower."""
    rows = []
    for name in MODELS:
        ours, theirs = _cpu_seconds(our_iterations, name), _cpu_seconds(their_iterations, name)
        rows.append(Row(f"training iteration, {name}", f"{ours:.2f} s", f"{theirs:.2f} s", theirs / ours, 1.0))
    return rows
