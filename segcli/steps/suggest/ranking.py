"""In which order images teach most: what a model does not know, each kind of image once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

CANDIDATES = 4_000
"""Images that are compared with each other, the least certain ones: the table of their likenesses takes 64 MB."""
ENOUGH = 0.9
"""Part of what the model does not know that the images to label should hold."""
ALWAYS = 0.1
"""How much an image counts of which the model is sure, beside the mean of all: it may be sure and wrong."""
_LIKE = 0.25
"""Squared distance, as a part of the mean one, at which the likeness of two images has fallen to 1/e."""


@dataclass(frozen=True)
class Ranking:
    """Images in the order in which they should be labelled.

    Attributes:
        order: Their numbers.
        held: For each in that order, the part of what the model does not know that is held by it and those before it,
            0 to 1.
        enough: How many of them hold `ENOUGH`.
    """

    order: tuple[int, ...]
    held: tuple[float, ...]
    enough: int


def rank(unsure: Sequence[float], looks: Values, labelled: Values | None = None) -> Ranking:
    """Orders images greedily: each next one is that which, with those like it, holds most that is not yet held.

    Labelling an image teaches itself wholly and others as far as they are like it, so that of ten frames of one video
    the first counts and the others hardly do. The sum of what is held is submodular, so this order is within 1 - 1/e of
    the best choice of any length.

    Source: K. Wei, R. Iyer, J. Bilmes, "Submodularity in data subset selection and active learning", 2015 (facility
    location on uncertain candidates).

    Args:
        unsure: What the model does not know about each image, 0 or more.
        looks: One row of numbers per image, near each other where images are alike; see `standardised`.
        labelled: Those of images that have labels.
    """
    if not len(unsure):
        return Ranking((), (), 0)
    worth = np.asarray(unsure, np.float64)
    worth = worth + ALWAYS * (worth.mean() or 1.0)
    by_worth = np.argsort(-worth, kind="stable")
    chosen, rest = by_worth[:CANDIDATES], by_worth[CANDIDATES:]
    known = np.zeros((0, looks.shape[1]), np.float32) if labelled is None else labelled
    order, gains, total = _greedy(worth[chosen], looks[chosen], known)
    held = np.minimum(np.cumsum(gains) / total, 1.0) if total > 0 else np.ones(len(order))
    enough = int(np.searchsorted(held, ENOUGH) + 1)
    numbers = [int(chosen[place]) for place in order]
    last = float(held[-1])
    return Ranking(
        (*numbers, *(int(number) for number in rest)),
        (*(float(part) for part in held), *(last for _ in rest)),
        min(enough, len(numbers)),
    )


def _greedy(worth: NDArray[np.float64], looks: Values, known: Values) -> tuple[list[int], list[float], float]:
    """The order of all, what each adds, and what there is to hold beside what labelled images hold."""
    count = len(worth)
    distances = _squared_distances(looks, looks)
    mean = distances.sum() / max(count * (count - 1), 1)
    likeness = _likeness(distances, mean)
    held = np.zeros(count, np.float32)
    if len(known):
        held = _likeness(_squared_distances(looks, known), mean).max(axis=1)
    total = float((worth * (1 - held)).sum())
    order: list[int] = []
    gains: list[float] = []
    open_ = np.ones(count, bool)
    for _ in range(count):
        left = np.flatnonzero(open_)
        added = np.maximum(likeness[left] - held, 0) @ worth
        best = int(np.argmax(added))
        number = int(left[best])
        order.append(number)
        gains.append(float(added[best]))
        held = np.maximum(held, likeness[number])
        open_[number] = False
        if added[best] <= 1e-6 * max(total, 1e-12):  # nothing is left to hold: the others by their own worth
            others = [int(n) for n in np.argsort(-worth, kind="stable") if open_[n]]
            return order + others, gains + [0.0] * len(others), total
    return order, gains, total


def _likeness(distances: NDArray[np.float32], mean: float) -> Values:
    if mean <= 0:
        return np.ones_like(distances)
    return np.asarray(np.exp(-distances / (_LIKE * mean)), np.float32)


def _squared_distances(one: Values, other: Values) -> NDArray[np.float32]:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * one @ other.T
    return np.asarray(np.maximum(squares, 0), np.float32)


def standardised(blocks: Sequence[Values]) -> Values:
    """Blocks of numbers side by side, each scaled so that its images differ by 1 in the mean square.

    Args:
        blocks: Each [images, numbers].
    """
    scaled = []
    for block in blocks:
        centred = block - block.mean(axis=0, keepdims=True)
        spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
        scaled.append(centred / spread if spread > 0 else centred)
    return np.asarray(np.concatenate(scaled, axis=1), np.float32)
