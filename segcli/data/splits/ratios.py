"""Shares of the parts of a dataset, as a configuration gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from segcli.data.splits.partition import Divisible, partition
from segcli.errors import ConfigError, ConfigFault

T = TypeVar("T")
_KEY = "CheckDataset.split"


@dataclass(frozen=True)
class Shares:
    """Percentages of the parts.

    Raises:
        ConfigError: One is missing or out of range, or they do not make 100.
    """

    train_percent: int
    val_percent: int
    test_percent: int = 0

    @staticmethod
    def checked(train_percent: int | None, val_percent: int | None, test_percent: int = 0) -> Shares:
        """The shares of a configuration."""
        faults = [
            ConfigFault(f"{_KEY}.{name}", "is needed to split a dataset", "give a whole number of percent")
            for name, value in (("train_percent", train_percent), ("val_percent", val_percent))
            if value is None
        ]
        if train_percent is not None and val_percent is not None and train_percent + val_percent + test_percent != 100:
            test = f" and test_percent {test_percent}" if test_percent else ""
            message = f"train_percent {train_percent} and val_percent {val_percent}{test} do not make 100"
            rest = 100 - train_percent - test_percent
            faults.append(ConfigFault(_KEY, message, f"val_percent={rest}" if rest >= 0 else "make them smaller"))
        if faults or train_percent is None or val_percent is None:
            raise ConfigError(faults)
        return Shares(train_percent, val_percent, test_percent)

    @property
    def weights(self) -> tuple[int, ...]:
        """The percentages of train, val and, where there is one, test."""
        return (self.train_percent, self.val_percent, *([self.test_percent] if self.test_percent else []))


DEFAULT_SHARES = Shares(80, 20)
"""How a dataset is split that does not say the parts of its images."""


def divide(
    items: Sequence[T], shares: Shares, seed: int, key: Callable[[T], str] | None = None
) -> tuple[list[T], list[T]]:
    """Train and val at random, each in the order of `items`; every item is in exactly one.

    Args:
        items: What is split.
        shares: Of both parts.
        seed: Of the shuffle.
        key: Unlike for all items. With it the split does not depend on the order of the items, so that a split of
            what was split gives the same again.
    """
    names = [f"{number:012}" for number in range(len(items))] if key is None else [key(item) for item in items]
    train, val = partition([Divisible(name) for name in names], shares.weights[:2], seed)
    return [items[number] for number in train], [items[number] for number in val]
