"""`Evaluate.fail_under`: values that metrics must reach, for continuous integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcli.errors import UsageError
from segcli.metrics.table import LOWER_IS_BETTER


@dataclass(frozen=True)
class Threshold:
    """A metric and its required value; `value` is None if the metric is not defined, which fails too."""

    name: str
    least: float
    value: float | None

    @property
    def passed(self) -> bool:
        """Whether the metric is defined and not below `least`, or not above for distances and errors."""
        if self.value is None:
            return False
        return self.value <= self.least if self.name in LOWER_IS_BETTER else self.value >= self.least

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"name": self.name, "least": self.least, "value": self.value, "passed": self.passed}

    def sentence(self) -> str:
        """As a sentence: ``mIoU 0.7512 is below 0.8``."""
        shown = "not defined" if self.value is None else f"{self.value:.4f}"
        good, bad = ("at most", "above") if self.name in LOWER_IS_BETTER else ("at least", "below")
        return f"{self.name} {shown} is {good if self.passed else bad} {self.least:g}"


def thresholds_of(wanted: Mapping[str, float] | None, numbers: Mapping[str, float | None]) -> tuple[Threshold, ...]:
    """Every required metric with its value.

    Raises:
        UsageError: A metric is not measured.
    """
    unknown = [name for name in wanted or {} if name not in numbers]
    if unknown:
        listed = ", ".join(numbers)
        raise UsageError(f"Evaluate.fail_under names {unknown[0]}, which is not measured", hint=f"measured: {listed}")
    return tuple(Threshold(name, least, numbers[name]) for name, least in (wanted or {}).items())
