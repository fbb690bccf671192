"""One training iteration of SegFormer-B0 against that of transformers on torch, both in float32.

Needs `scripts/bench --peers torch`, or `SEGCLI_TORCH_PYTHON` naming a Python that has torch and transformers; without
it there is no row.
"""

from __future__ import annotations

import subprocess
import time

from segcli.cpu import prepare_cpu
from tests.bench.one_batch import OneBatch
from tests.bench.peers.environments import PEERS
from tests.bench.table import Row

MODEL = "SegFormer-B0"
GIVEN = OneBatch(images=2, side_px=512, classes=19, learning_rate=6e-5)
ITERATIONS, ROUNDS = 3, 2
"""Of each round, in which ours and theirs take turns, the fastest iteration counts."""

TORCH = """
import sys, time
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

images, side, classes, iterations = map(int, sys.argv[1:])
torch.set_num_threads(1)
torch.manual_seed(0)
network = SegformerForSemanticSegmentation(SegformerConfig(num_labels=classes)).train()
optimizer = torch.optim.AdamW(network.parameters(), lr=6e-5)
given = torch.rand(images, 3, side, side)
labels = torch.randint(0, classes, (images, side, side))
best = float("inf")
for _ in range(iterations):
    begin = time.process_time()
    network(pixel_values=given, labels=labels).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    best = min(best, time.process_time() - begin)
print("SECONDS", best)
"""


def _theirs(python: str) -> float:
    command = [python, "-c", TORCH, *map(str, (GIVEN.images, GIVEN.side_px, GIVEN.classes, ITERATIONS))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("SECONDS"))


def _ours() -> float:
    """Our loop, on a session that always gives the same batch."""
    from segcli.steps.train.state import Callback, TrainState

    class Fastest(Callback):
        """The fastest iteration, from the end of one to the end of the next."""

        begin, best = 0.0, float("inf")

        def on_start(self, state: TrainState) -> None:
            self.begin = time.process_time()

        def on_step(self, state: TrainState) -> None:
            end = time.process_time()
            self.begin, self.best = end, min(self.best, end - self.begin)

    fastest = Fastest()
    GIVEN.train(MODEL, ITERATIONS, [fastest])
    return fastest.best


def run() -> list[Row]:
    """CPU seconds of an iteration; ours must not be slower."""
    python = PEERS["torch"].python()
    if python is None:
        return []
    prepare_cpu()
    pairs = [(_ours(), _theirs(python)) for _ in range(ROUNDS)]
    ours, theirs = (min(values) for values in zip(*pairs, strict=True))
    name = f"training iteration of {GIVEN.images} x {GIVEN.side_px} px, {MODEL}, against transformers on torch"
    return [Row(name, f"{ours:.2f} CPU-s", f"{theirs:.2f} CPU-s", theirs / ours, 1.0)]
