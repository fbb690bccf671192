"""Divides things so that none is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from segcli.errors import ConfigError, ConfigFault

T = TypeVar("T")
_KEY = "CheckDataset.split"


@dataclass(frozen=True)
class Shares:
    """Percentages of both parts.

    Raises:
        ConfigError: One is missing or out of range, or they do not make 100.
    """

    train_percent: int
    val_percent: int

    @staticmethod
    def checked(train_percent: int | None, val_percent: int | None) -> Shares:
        """The shares of a configuration."""
        faults = [
            ConfigFault(f"{_KEY}.{name}", "is needed to divide a dataset", "give a whole number of percent")
            for name, value in (("train_percent", train_percent), ("val_percent", val_percent))
            if value is None
        ]
        if train_percent is not None and val_percent is not None and train_percent + val_percent != 100:
            message = f"train_percent {train_percent} and val_percent {val_percent} do not make 100"
            faults.append(ConfigFault(_KEY, message, f"val_percent={100 - train_percent}"))
        if faults or train_percent is None or val_percent is None:
            raise ConfigError(faults)
        return Shares(train_percent, val_percent)

    def train_count(self, total: int) -> int:
        """How many of `total` are for training: rounded, and at least one for each part that has a share."""
        count = (total * self.train_percent + 50) // 100
        if total > 1 and self.train_percent:
            count = max(count, 1)
        if total > 1 and self.val_percent:
            count = min(count, total - 1)
        return count


DEFAULT_SHARES = Shares(80, 20)
"""How a dataset is divided that does not say the parts of its images."""


def divide(
    items: Sequence[T], shares: Shares, seed: int, key: Callable[[T], str] | None = None
) -> tuple[list[T], list[T]]:
    """Both parts, each in the order of `items`; every item is in exactly one.

    Args:
        items: What is divided.
        shares: Of both parts.
        seed: Of the shuffle.
        key: Unlike for all items. With it the division does not depend on the order of the items, so that a division of
            what was divided gives the same again.
    """
    order = list(range(len(items)))
    if key is not None:
        order.sort(key=lambda number: key(items[number]))
    random.Random(seed).shuffle(order)
    chosen = set(order[: shares.train_count(len(items))])
    train = [item for number, item in enumerate(items) if number in chosen]
    val = [item for number, item in enumerate(items) if number not in chosen]
    return train, val
