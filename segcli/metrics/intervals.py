"""Confidence intervals of all metrics of an evaluation, and their text form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segcli.metrics.bootstrap import CONFIDENCE, SEED, Interval, Values, interval_of
from segcli.plurals import counted

_NARROW = ((0.02, 2), (0.002, 3))
"""Minimum width of an interval and its number of digits; a narrower interval has four."""

_FEW = 20
"""Images or groups below which a percentile interval is clearly too narrow."""


@dataclass(frozen=True)
class Intervals:
    """Bootstrap intervals by metric name.

    Attributes:
        replicates: Bootstrap replicates; 0 where none were computed.
        units: Number of images or groups that were resampled.
        unit: ``image`` or ``group``.
        all: Intervals of metrics over all classes; None where a metric depends on too few images.
        by_class: Class name -> metric -> interval.
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
    """The bootstrap replicates of all metrics of an evaluation.

    Attributes:
        units: Number of images or groups that were resampled.
        unit: ``image`` or ``group``.
        all: Metric over all classes -> its replicates [R].
        by_class: Class name -> metric -> its replicates [R].
    """

    units: int = 0
    unit: str = "image"
    all: dict[str, Values] = field(default_factory=dict)
    by_class: dict[str, dict[str, Values]] = field(default_factory=dict)

    def intervals(self) -> Intervals:
        """The interval of each metric."""
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
    """The warning for intervals from few images or groups; empty if there are enough."""
    return [f"only {counted(units, unit)}: intervals from so few are too narrow"] if 0 < units < _FEW else []


def shown(value: float | None, interval: Interval | None = None) -> str:
    """A metric as text: ``0.812 [0.79, 0.83]``, or ``0.8123`` without an interval."""
    if value is None:
        return "not defined"
    if interval is None:
        return f"{value:.4f}"
    digits = next((digits for width, digits in _NARROW if interval.high - interval.low >= width), 4)
    return f"{value:.{min(digits + 1, 4)}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
