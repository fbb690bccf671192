"""The random sets: the same inputs for the other programs and for the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from tests.metrics.instances import make_images, without_crowds

SETS = 200
NAMES = ("a", "b", "c")
TOLERANCE_PX = 1.5
REPLICATES = 250
FOLDER = Path(__file__).parent


def label_maps(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and truth: blocks of up to four classes, moved and disturbed, uint8 [32, 40]."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 4, (5, 6)).astype(np.uint8)
    truth = blocks[np.arange(32) * 5 // 32][:, np.arange(40) * 6 // 40]
    prediction = np.roll(truth, tuple(rng.integers(-3, 4, 2)), axis=(0, 1)).copy()
    x, y = rng.integers(0, 28, 2)
    prediction[y : y + 4, x : x + 4] = rng.integers(0, 4)
    return prediction, truth


def objects(seed: int) -> tuple[list[InstanceSample], list[Detections]]:
    """Two images with objects, none a crowd, and detections."""
    samples, found = make_images(2, classes=3, objects=5, found=4 + seed % 7, seed=1000 + seed)
    plain = list(map(without_crowds, samples))
    return plain, found


def compared(seed: int) -> tuple[list[InstanceSample], list[Detections], list[Detections]]:
    """Ten images with objects, and the detections of two models: the second finds less and scores otherwise."""
    samples, found = make_images(10, classes=3, objects=4, found=6, seed=5000 + seed)
    plain = list(map(without_crowds, samples))
    rng, others = np.random.default_rng(seed), []
    for one in found:
        kept = np.flatnonzero(rng.random(len(one.scores)) > 0.15)
        scores = np.clip(one.scores[kept] + rng.normal(0, 0.1, len(kept)), 0.001, 0.999).round(6)
        assert one.boxes is not None
        others.append(Detections(scores, one.classes[kept], [one.masks[place] for place in kept], one.boxes[kept]))
    return plain, found, others


def probabilities(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits [4, 20, 30] that are too sure or not sure enough, and the truth [20, 30]."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4, 20, 30)).astype(np.float32)
    odds = np.exp(logits) / np.exp(logits).sum(axis=0)
    truth = (rng.random((20, 30)) > np.cumsum(odds, axis=0)).sum(axis=0).clip(0, 3).astype(np.uint8)
    return (logits * np.float32(rng.uniform(0.4, 3))).astype(np.float32), truth


def digest(arrays: Iterable[Any]) -> str:
    """Says whether the sets are those that the other programs saw."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(np.round(np.asarray(array, np.float64), 3)).tobytes())
    return found.hexdigest()


def label_digest() -> str:
    """Of all label maps."""
    return digest(one for seed in range(SETS) for one in label_maps(seed))


def object_digest() -> str:
    """Of all detections' scores and boxes."""
    sets = (objects(seed)[1] for seed in range(SETS))
    return digest(values for found in sets for one in found for values in (one.scores, one.boxes))


def compared_digest() -> str:
    """Of the scores of both models."""
    return digest(one.scores for seed in range(SETS) for found in compared(seed)[1:] for one in found)
