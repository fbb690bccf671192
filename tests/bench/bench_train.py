"""One training iteration of ours against PaddleSeg's own train(): same network, batch, losses and optimizer.

And of larger images with the operators of `segcli.models.operators` against Paddle's own in their place.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from segcli.cpu import prepare_cpu
from tests.bench.one_batch import OneBatch
from tests.bench.table import Row
from tests.paddles_operators import paddles_operators

MODELS = ("PP-LiteSeg-T", "SegFormer-B0")
ITERATIONS = 4
GIVEN = OneBatch(images=2, side_px=256, classes=3, learning_rate=1e-3)
LARGE = OneBatch(images=2, side_px=512, classes=19, learning_rate=1e-3)
LARGE_MODELS = {"PP-LiteSeg-T": 1.2, "SegFormer-B0": 1.0, "SeaFormer_base": 1.1, "UNet-S": 1.0}
"""Their bars against Paddle's operators."""


@contextmanager
def _as_elsewhere() -> Iterator[None]:
    """Trains by Paddle's own operators and layouts, as on another device."""
    with paddles_operators(), patch("tests.bench.one_batch.without_views", nullcontext):
        yield


def our_iterations(name: str) -> None:
    """Our loop, on a session that always gives the same batch."""
    GIVEN.train(name, ITERATIONS)


def their_iterations(name: str) -> None:
    """PaddleSeg's own train() without our patches for speed, its closing count of operations and its pause."""
    import paddle

    network, optimizer, parts = GIVEN.parts(name)
    arrays = GIVEN.arrays()

    class SameBatch(paddle.io.Dataset):
        """Two samples, again and again."""

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {key: value[index] for key, value in arrays.items()}

        def __len__(self) -> int:
            return GIVEN.images

    module = importlib.import_module("paddleseg.core.train")
    with ExitStack() as stack:
        stack.enter_context(_as_elsewhere())
        stack.enter_context(patch.object(paddle, "flops", lambda *_args, **_kwargs: 0))
        stack.enter_context(patch.object(module.time, "sleep", lambda _seconds: None))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        module.train(
            network,
            SameBatch(),
            optimizer=optimizer,
            save_dir=folder,
            iters=ITERATIONS,
            batch_size=GIVEN.images,
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
    prepare_cpu()
    rows = []
    for name in MODELS:
        ours, theirs = _cpu_seconds(our_iterations, name), _cpu_seconds(their_iterations, name)
        rows.append(Row(f"training iteration, {name}", f"{ours:.2f} s", f"{theirs:.2f} s", theirs / ours, 1.0))
    return rows + [_against_paddles_operators(name, bar) for name, bar in LARGE_MODELS.items()]


def _against_paddles_operators(name: str, bar: float) -> Row:
    pairs = []
    for _ in range(2):
        ours = LARGE.fastest(name, ITERATIONS)
        with _as_elsewhere():
            pairs.append((ours, LARGE.fastest(name, ITERATIONS)))
    ours, theirs = (min(values) for values in zip(*pairs, strict=True))
    title = f"training iteration of {LARGE.images} x {LARGE.side_px} px, {name}, against Paddle's operators"
    return Row(title, f"{ours:.2f} CPU-s", f"{theirs:.2f} CPU-s", theirs / ours, bar)
