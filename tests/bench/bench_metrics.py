"""Confusion matrix and maximum over the classes, for an image of 512 x 1024 with 19 classes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from segcli.inference.decode_labels import argmax
from segcli.metrics.confusion import ConfusionMatrix
from tests.bench.table import Row

CLASSES = 19
SHAPE = (512, 1024)
CONFUSION_BAR_MS = 1.5
ARGMAX_BAR_MS = 20.0


def _milliseconds(work: Callable[[], object], rounds: int = 9) -> float:
    work()
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return 1000 * min(times)


def _paddlesegs_area(prediction: np.ndarray, truth: np.ndarray) -> Callable[[], object]:
    import paddle

    from segcli.engines.paddleseg.patches import apply_patches

    apply_patches()
    from paddleseg.utils import metrics

    ids = paddle.to_tensor(prediction.astype("int32")[None, None])
    labels = paddle.to_tensor(truth.astype("int64")[None, None])
    return lambda: metrics.calculate_area(ids, labels, CLASSES)


def run() -> list[Row]:
    """CPU milliseconds; the bars are those of the design, as ratios to what is measured here."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, CLASSES, SHAPE).astype(np.uint8)
    truth[:40] = 255
    logits = rng.standard_normal((CLASSES, *SHAPE), dtype=np.float32)
    prediction = argmax(logits)
    matrix = ConfusionMatrix(CLASSES)
    ours = _milliseconds(lambda: matrix.update(prediction, truth))
    theirs = _milliseconds(_paddlesegs_area(prediction, truth))
    fast, plain = _milliseconds(lambda: argmax(logits)), _milliseconds(lambda: logits.argmax(axis=0))
    return [
        Row(
            "confusion matrix against PaddleSeg's calculate_area",
            f"{ours:.2f} ms",
            f"{theirs:.1f} ms",
            theirs / ours,
            theirs / CONFUSION_BAR_MS,
        ),
        Row("argmax against numpy's", f"{fast:.1f} ms", f"{plain:.1f} ms", plain / fast, plain / ARGMAX_BAR_MS),
    ]
