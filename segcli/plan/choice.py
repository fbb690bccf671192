"""The types of a plan: its choices with their reasons, the cost of training, and the time that there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint

CPU_SECONDS = 600.0
"""Most seconds of a training on the CPU whose time is not given."""
GPU_SECONDS = 3600.0


@dataclass(frozen=True)
class Choice:
    """One key that the plan sets.

    Attributes:
        key: Dotted name, e.g. ``Train.batch_size``.
        value: As it would stand in a configuration.
        reason: Why, in one sentence.
    """

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Cost:
    """What training costs on this machine.

    Attributes:
        seconds_per_mpx: Seconds of a step per million pixels of input.
        memory_mb: Memory of the process while it trains.
        measured: Whether it was measured, or stands for a usual machine.
        by_batch: Seconds per million pixels by batch size, of the sizes that fit; empty where one was measured.
        seconds_per_val_image: Seconds to measure the network on an image of the validation split; None if not tried.
        spent: Seconds that finding out has taken, which the training no longer has.
    """

    seconds_per_mpx: float
    memory_mb: float | None = None
    measured: bool = False
    by_batch: Mapping[int, float] = field(default_factory=dict)
    seconds_per_val_image: float | None = None
    spent: float = 0.0

    def of_batch(self, size: int) -> Cost:
        """The cost with batches of a size, where that was measured."""
        return replace(self, seconds_per_mpx=self.by_batch.get(size, self.seconds_per_mpx))


@dataclass(frozen=True)
class Means:
    """What a training has at its disposal.

    Attributes:
        device: ``cpu``, ``gpu``, ...
        seconds: Time for everything: reading, training, measuring, exporting.
        on_request: Whether a person gave that time.
        pretrained: Whether the training starts from trained weights.
    """

    device: str
    seconds: float
    on_request: bool = False
    pretrained: bool = False


@dataclass(frozen=True)
class Short:
    """A time that is too short to learn in.

    Attributes:
        steps: Steps that it was given all the same.
        wanted: Steps below which little is learnt.
        seconds: What such a training takes.
        enough: A time in seconds whose plan has the wanted steps.
    """

    steps: int
    wanted: int
    seconds: float
    enough: float


@dataclass(frozen=True)
class Plan:
    """The choices and what they will cost.

    Attributes:
        choices: In the order in which they were made.
        seconds: Estimated time of the whole training; None where it is not known.
        cost: What the estimate rests on; None where nothing was estimated.
        short: What the time is too short for; None where it suffices.
    """

    choices: tuple[Choice, ...]
    seconds: float | None = None
    cost: Cost | None = None
    short: Short | None = None

    def values(self) -> dict[str, Any]:
        """By key."""
        return {choice.key: choice.value for choice in self.choices}

    def reasons(self) -> dict[str, str]:
        """By key."""
        return {choice.key: choice.reason for choice in self.choices}


Planner = Callable[[Fingerprint, Means, Cost, Mapping[str, Any]], Plan]
"""A pure function: the same data, means, cost and keys that a person has set give the same plan."""


def shown_time(seconds: float) -> str:
    """``45 s``, ``10 min``, ``2.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
