"""Which sample comes when in a training, and with which random numbers: a function of its position alone.

Nothing here has a state: a resumed training, another number of loading processes or another machine sees exactly the
samples and augmentations that an uninterrupted training sees.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=4)
def _permutation(seed: int, samples: int) -> tuple[int, ...]:
    order = list(range(samples))
    np.random.RandomState(seed).shuffle(order)
    return tuple(order)


@dataclass(frozen=True)
class SampleOrder:
    """Which sample a training takes at each position of its endless sequence.

    A pass is a permutation of the samples, cut to whole batches (over all processes); a set that is smaller than one
    batch is repeated inside it. The permutations are those of Paddle's `DistributedBatchSampler` for seed 0. An epoch
    is a pass, or fewer samples, so that the next epoch goes on where this one ended.

    Attributes:
        samples: Number of samples.
        batch_size: Samples per iteration and process.
        seed: Seed of the permutations and of the augmentation.
        rank: Number of this process.
        world_size: Number of processes.
        parts: Batches of equal size in which the samples of an iteration are loaded and go through the network.
        per_epoch: Samples of an epoch over all processes, at most a pass; None is a pass.
    """

    samples: int
    batch_size: int
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    parts: int = 1
    per_epoch: int | None = None

    @property
    def iterations_per_epoch(self) -> int:
        """Whole batches in one epoch, at least one."""
        return self._whole_batches(min(self.per_epoch or self.samples, self.samples))

    def batch(self, iteration: int) -> list[int]:
        """Positions that make this process's batch of `iteration` (0-based)."""
        first = (iteration * self.world_size + self.rank) * self.batch_size
        return list(range(first, first + self.batch_size))

    def part_batches(self, iteration: int) -> list[list[int]]:
        """The same positions, part by part."""
        numbers, size = self.batch(iteration), self.batch_size // self.parts
        return [numbers[first : first + size] for first in range(0, len(numbers), size)]

    def sample(self, position: int) -> int:
        """Index of the sample at a position."""
        per_pass = self._whole_batches(self.samples) * self.batch_size * self.world_size
        number, position = divmod(position, per_pass)
        return _permutation(self.seed + number, self.samples)[position % self.samples]

    def seed_of(self, position: int) -> int:
        """Seed of the augmentation at a position, below 2**32."""
        return int(np.random.SeedSequence((self.seed, position)).generate_state(1)[0])

    def _whole_batches(self, samples: int) -> int:
        return max(samples // (self.batch_size * self.world_size), 1)


def seed_augmentation(seed: int) -> None:
    """Seeds Python's and NumPy's global generators, from which the libraries' transforms take their numbers."""
    random.seed(seed)
    np.random.seed(seed)


class BatchSampler:
    """The positions of each part of each iteration from `start` to `stop`: the batch sampler of a loader."""

    def __init__(self, order: SampleOrder, start: int, stop: int) -> None:
        self._order = order
        self._iterations = range(start, stop)

    def __iter__(self) -> Iterator[list[int]]:
        return (part for iteration in self._iterations for part in self._order.part_batches(iteration))

    def __len__(self) -> int:
        return len(self._iterations) * self._order.parts
