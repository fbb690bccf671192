"""One training step of the models of objects and prompts, against the same step by Paddle's own operators.

The other side is what such a step computes on another device or in an exported graph: the same losses and gradients.
Both sides alternate in one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from segcli.cpu import prepare_cpu
from tests.bench.steps import OF_OBJECTS, StepCase
from tests.bench.table import Row

_STEPS_AND_BARS = {
    "Mask-RT-DETR-S": (2, 1.5),
    "SAM-tiny": (3, 2.0),
    "SAM-B's decoder": (2, 1.8),
    "LSeg-tiny": (20, 1.3),
    "MaskFormer_tiny": (2, 1.6),
    "Cascade-MaskRCNN-ResNet50-FPN": (3, 1.15),
    "MaskRCNN-ResNet50-FPN": (3, 1.0),
    "SOLOv2": (3, 1.0),
    "PP-YOLOE_seg-S": (10, 1.0),
}


def run() -> list[Row]:
    """CPU seconds per step, the least of alternating ones."""
    prepare_cpu()
    return [_row(name, case, *_STEPS_AND_BARS[name]) for name, case in OF_OBJECTS.items()]


def _seconds(case: StepCase, loss: Callable[[], Any]) -> float:
    begin = time.process_time()
    case.compute(loss)
    return time.process_time() - begin


def _row(name: str, case: StepCase, steps: int, bar: float) -> Row:
    """The least of so many steps, in turn with as many that are computed as elsewhere."""
    import paddle

    paddle.seed(0)
    _, loss = case.make()
    case.compute(loss)
    ours, theirs = [], []
    for _ in range(steps):
        ours.append(_seconds(case, loss))
        with case.as_elsewhere() as other:
            theirs.append(_seconds(other, loss))
    mine, paddles = min(ours), min(theirs)
    texts = f"{mine:.2f} CPU-s", f"{paddles:.2f} CPU-s (Paddle's operators)"
    return Row(f"training step, {name}, {case.inputs}", *texts, paddles / mine, bar)
