"""Images of rare classes, drawn more often: repeat-factor sampling (Gupta et al. 2019, "LVIS: A Dataset for Large
Vocabulary Instance Segmentation", section 4), with the median class in the place of a fixed frequency."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np

log = logging.getLogger("segcli.train")

MOST_REPEATS = 4
"""Most times that an image is drawn per epoch: beyond that it is learnt by heart."""
T = TypeVar("T")


def repeat_factors(images: Sequence[Collection[int]]) -> list[float]:
    """How often each image is drawn per epoch, 1 to `MOST_REPEATS`.

    The square root of the median class's number of images over that of the rarest class in the image.

    Args:
        images: Class ids that each image shows.

    >>> repeat_factors([{0}] * 16 + [{0, 1}] * 4 + [{0, 2}] * 1)[-5:]
    [1.0, 1.0, 1.0, 1.0, 2.0]
    """
    counts = Counter(class_id for classes in images for class_id in set(classes))
    if not counts:
        return [1.0] * len(images)
    median = float(np.median(list(counts.values())))
    factors = {class_id: min(max((median / count) ** 0.5, 1.0), MOST_REPEATS) for class_id, count in counts.items()}
    return [max((factors[class_id] for class_id in classes), default=1.0) for classes in images]


def repeated(samples: Sequence[T], images: Sequence[Collection[int]], seed: int) -> list[T]:
    """The samples of an epoch in which images of rare classes come more often; fractions are drawn once.

    Args:
        samples: The training split.
        images: Class ids that each sample shows.
        seed: Of the fractions.
    """
    factors = repeat_factors(images)
    random = np.random.default_rng(seed)
    counts = [int(factor) + int(random.random() < factor % 1) for factor in factors]
    more = sum(count > 1 for count in counts)
    log.info("images of rare classes are drawn up to %d times per epoch: %d of %d", max(counts), more, len(counts))
    return [sample for sample, count in zip(samples, counts, strict=True) for _ in range(count)]
