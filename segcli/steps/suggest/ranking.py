"""Ranks images for labelling: uncertain ones first, similar ones only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

CANDIDATES = 4_000
"""Most images that are compared with each other, the least certain ones: their similarity matrix takes 64 MB."""
ENOUGH = 0.9
"""Fraction of the total weight that the recommended images should cover."""
ALWAYS = 0.1
"""Minimum weight of an image, relative to the mean of all: a certain model may still be wrong."""
_SUREST = 0.05
"""Fraction of the images that count as the surest."""
_LIKE = 0.25
"""Squared distance, relative to the mean one, at which the similarity of two images falls to 1/e."""


@dataclass(frozen=True)
class Ranking:
    """Images in the order in which they should be labelled.

    Attributes:
        order: Indices of the images.
        held: For each in that order, the fraction of the total weight covered by it and those before it, 0 to 1. The
            weight of an image is how much less certain the model is of it than of the surest images.
        enough: How many of them cover `ENOUGH`.
    """

    order: tuple[int, ...]
    held: tuple[float, ...]
    enough: int


def rank(unsure: Sequence[float], looks: Values, labelled: Values | None = None) -> Ranking:
    """Orders images greedily: each next image covers most of the uncertainty that is not yet covered.

    An image covers itself fully and other images by their similarity, so of ten frames of one video the first counts
    and the others hardly do. The covered sum is submodular, so each prefix of this order covers at least 1 - 1/e of
    what the best choice of that size covers.

    Source: K. Wei, R. Iyer, J. Bilmes, "Submodularity in data subset selection and active learning", 2015 (facility
    location on uncertain candidates).

    Args:
        unsure: Uncertainty of the model per image, 0 or more.
        looks: Features, [images, numbers], close to each other for similar images; see `standardised`.
        labelled: Features of the labelled images; None where there are none.
    """
    if not len(unsure):
        return Ranking((), (), 0)
    worth = _worth(np.asarray(unsure, np.float64))
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


def _worth(unsure: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much less certain the model is of each image than of the surest ones.

    A model that has learned little is uncertain everywhere, by nearly the same amount: only the differences tell the
    images apart. On a sixth of 81 labelled images they were 3 % of the mean, and the sum alone ranked as if all were 1.
    """
    above = np.maximum(unsure - np.quantile(unsure, _SUREST), 0)
    return np.asarray(above + ALWAYS * (above.mean() or 1.0))


def _greedy(worth: NDArray[np.float64], looks: Values, known: Values) -> tuple[list[int], list[float], float]:
    """The order of all images, what each adds, and the total not covered by labelled images."""
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
        if added[best] <= 1e-6 * max(total, 1e-12):  # all is covered: the rest by their own weight
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
    """Concatenates blocks of features, each scaled to a mean squared distance of 1 between images.

    Args:
        blocks: Feature blocks, each [images, numbers].
    """
    scaled = []
    for block in blocks:
        centred = block - block.mean(axis=0, keepdims=True)
        spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
        scaled.append(centred / spread if spread > 0 else centred)
    return np.asarray(np.concatenate(scaled, axis=1), np.float32)
