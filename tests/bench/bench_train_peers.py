"""One training iteration against those of other tools, in float32: of transformers on torch, and of PaddleSeg.

Needs `scripts/bench --peers torch paddleseg`, or `SEGCLI_TORCH_PYTHON` and `SEGCLI_PADDLESEG_PYTHON` naming Pythons
that have them; without one of them its row is left out. PaddleSeg runs as it comes, on the last Paddle on which it
trains without changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from segcli.cpu import prepare_cpu
from tests.bench.one_batch import OneBatch
from tests.bench.peers.environments import PEERS
from tests.bench.peers.timed import seconds
from tests.bench.table import Row

IMAGES, SIDE_PX, CLASSES = 2, 512, 19
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

PADDLESEG = """
import sys, time
import numpy  # before Paddle, see environments.py
import paddle
from paddleseg.models import PPLiteSeg, STDC1
from paddleseg.models.losses import CrossEntropyLoss

images, side, classes, iterations = map(int, sys.argv[1:])
paddle.seed(0)
network = PPLiteSeg(num_classes=classes, backbone=STDC1())
network.train()
optimizer = paddle.optimizer.Momentum(0.01, parameters=network.parameters(), weight_decay=4e-5)
given = paddle.rand([images, 3, side, side])
labels = paddle.randint(0, classes, [images, side, side])
criterion = CrossEntropyLoss()
best = float("inf")
for _ in range(iterations):
    begin = time.process_time()
    sum(criterion(logits, labels) for logits in network(given)).backward()
    optimizer.step()
    optimizer.clear_grad()
    best = min(best, time.process_time() - begin)
print("SECONDS", best)
"""


@dataclass(frozen=True)
class Rival:
    """Another tool that trains the same network.

    Attributes:
        peer: Its environment.
        title: In the table.
        model: Its name here.
        learning_rate: Of both.
        program: Prints the seconds of its fastest iteration.
    """

    peer: str
    title: str
    model: str
    learning_rate: float
    program: str


RIVALS = (
    Rival("torch", "transformers on torch", "SegFormer-B0", 6e-5, TORCH),
    Rival("paddleseg", "PaddleSeg on Paddle 2.6", "PP-LiteSeg-T", 0.01, PADDLESEG),
)


def _ours(rival: Rival) -> float:
    """Our loop, on a session that always gives the same batch."""
    given = OneBatch(images=IMAGES, side_px=SIDE_PX, classes=CLASSES, learning_rate=rival.learning_rate)
    return given.fastest(rival.model, ITERATIONS)


def run() -> list[Row]:
    """CPU seconds of an iteration; ours must not be slower."""
    prepare_cpu()
    return [_against(rival, python) for rival in RIVALS if (python := PEERS[rival.peer].python()) is not None]


def _against(rival: Rival, python: str) -> Row:
    given = (IMAGES, SIDE_PX, CLASSES, ITERATIONS)
    pairs = [(_ours(rival), seconds(python, rival.program, *given)) for _ in range(ROUNDS)]
    ours, theirs = (min(values) for values in zip(*pairs, strict=True))
    name = f"training iteration of {IMAGES} x {SIDE_PX} px, {rival.model}, against {rival.title}"
    return Row(name, f"{ours:.2f} CPU-s", f"{theirs:.2f} CPU-s", theirs / ours, 1.0)
