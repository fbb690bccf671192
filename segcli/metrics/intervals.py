"""Intervals of all numbers of a measurement, and how a number is written with its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segcli.metrics.bootstrap import CONFIDENCE, SEED, Interval, Values, interval_of

_NARROW = ((0.02, 2), (0.002, 3))
"""Least width of an interval that is written with so many digits; a narrower one has four."""

_FEW = 20
"""Images or groups below which a percentile interval is clearly too narrow."""


@dataclass(frozen=True)
class Intervals:
    """Bootstrap intervals by the names of the numbers.

    Attributes:
        replicates: Bootstrap replicates; 0 where none were computed.
        units: How many images or groups were drawn from.
        unit: ``image`` or ``group``.
        all: Of the numbers of all classes; None where a number hangs on too few images.
        by_class: Class name -> number -> interval.
    """

    replicates: int = 0
    units: int = 0
    unit: str = "image"
    all: dict[str, Interval | None] = field(default_factory=dict)
    by_class: dict[str, dict[str, Interval | None]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; the ends of each interval as a list of two numbers, null where there is none."""
        about = {"confidence": CONFIDENCE, "replicates": self.replicates, "seed": SEED}
        classes = {name: _plain(values) for name, values in self.by_class.items()}
        return {**about, "unit": self.unit, "units": self.units, **_plain(self.all), "classes": classes}


@dataclass(frozen=True)
class Replicates:
    """The bootstrap replicates of all numbers of a measurement.

    Attributes:
        units: How many images or groups were drawn from.
        unit: ``image`` or ``group``.
        all: Number of all classes -> its replicates [R].
        by_class: Class name -> number -> its replicates [R].
    """

    units: int = 0
    unit: str = "image"
    all: dict[str, Values] = field(default_factory=dict)
    by_class: dict[str, dict[str, Values]] = field(default_factory=dict)

    def intervals(self) -> Intervals:
        """The interval of each number."""
        count = max((len(values) for values in self.all.values()), default=0)
        found = {name: interval_of(values) for name, values in self.all.items()}
        by_class = {
            name: {key: interval_of(values) for key, values in numbers.items()}
            for name, numbers in self.by_class.items()
        }
        return Intervals(count, self.units, self.unit, found, by_class)


def _plain(values: dict[str, Interval | None]) -> dict[str, list[float] | None]:
    return {name: None if one is None else one.as_list() for name, one in values.items()}


def few_units(units: int, unit: str) -> list[str]:
    """The remark that belongs to intervals from few images or groups; empty where there are enough."""
    return [f"only {units} {unit}s: intervals from so few are too narrow"] if 0 < units < _FEW else []


def shown(value: float | None, interval: Interval | None = None) -> str:
    """A number for people: ``0.812 [0.79, 0.83]``, or ``0.8123`` without an interval."""
    if value is None:
        return "not defined"
    if interval is None:
        return f"{value:.4f}"
    digits = next((digits for width, digits in _NARROW if interval.high - interval.low >= width), 4)
    return f"{value:.{min(digits + 1, 4)}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
