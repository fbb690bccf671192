"""How many steps fit into the time that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from segcli.plan.choice import Choice, Cost, Means, Short, shown_time
from segcli.plurals import counted

_START_SECONDS = 30.0
"""Importing, reading, exporting and comparing the export."""
_SAFETY = 0.9
_FORWARD_SHARE = 0.4
"""What an image costs to measure, against a step with it, where that was not tried."""
MEASUREMENTS = 6
_FEWEST, _MOST = 20, 200_000
_FEWEST_SHARE = 0.5
"""Share of a time asked for that the fewest steps may take; those of a large network on a CPU could take all of it."""
_MEASURING_SHARE, _MOST_MEASURING_SHARE = 0.1, 0.4
_FEWEST_MEASUREMENTS, _MOST_MEASUREMENTS = 5, 12


@dataclass(frozen=True)
class Validation:
    """The size of the validation split.

    Attributes:
        images: Number of images.
        mpx: Million pixels of all of them, as the network sees them.
    """

    images: int
    mpx: float


@dataclass(frozen=True)
class Budget:
    """Time as steps.

    Attributes:
        means: How much time there is.
        cost: What a step takes.
    """

    means: Means
    cost: Cost
    UPRIGHT: ClassVar[float] = 0.15
    """How different the upper half must be for the data to have an above and a below."""

    @property
    def words(self) -> str:
        """The time, for a reason."""
        kind = "CPU-seconds" if self.means.device == "cpu" and not self.means.on_request else None
        return f"{self.means.seconds:.0f} {kind}" if kind else shown_time(self.means.seconds)

    def usable(self) -> float:
        """Seconds for steps and measurements."""
        return max(self.means.seconds * _SAFETY - self._before_steps(), 0.2 * self.means.seconds)

    def pixels(self) -> float:
        """Pixels that can be learnt from."""
        return self.usable() / self.cost.seconds_per_mpx * 1e6

    def measurements(self, val: Validation, least: int = _FEWEST_MEASUREMENTS, most: int = _MOST_MEASUREMENTS) -> int:
        """Measurements that take a tenth of the time, `least` to `most`; fewer where those would take most of it."""
        each = max(self._measuring(val), 1e-9)
        wanted = min(max(_MEASURING_SHARE * self.usable() / each, least), most)
        return int(max(min(wanted, _MOST_MEASURING_SHARE * self.usable() / each), 1))

    def steps(self, step_mpx: float, val: Validation, measurements: int) -> int:
        """Steps of `step_mpx` million pixels that fit beside the measurements."""
        each = step_mpx * self.cost.seconds_per_mpx
        measuring, fewest = measurements * self._measuring(val), _FEWEST
        if not self.means.on_request:
            measuring = min(measuring, 0.5 * self.usable())
        elif _FEWEST * each > _FEWEST_SHARE * self.means.seconds:
            fewest = 1  # a time asked for is kept
        return int(min(max((self.usable() - measuring) / each, fewest), _MOST))

    def seconds_of(self, steps: int, step_mpx: float, val: Validation, measurements: int) -> float:
        """Seconds of the whole training."""
        learning = steps * step_mpx * self.cost.seconds_per_mpx
        return self._before_steps() + learning + measurements * self._measuring(val)

    def short(
        self, steps: int, step_mpx: float, val: Validation, measurements: int, *, wanted: int = _FEWEST
    ) -> Short | None:
        """What is to be said of a time too short for `wanted` steps, or for the steps that a plan has; else None."""
        seconds = self.seconds_of(steps, step_mpx, val, measurements)
        if steps >= wanted and seconds <= self.means.seconds + _START_SECONDS:
            return None
        rounded = (1 + 1 / MEASUREMENTS) * max(steps, wanted)  # a plan in epochs loses what is left of the last one
        learning, each = rounded * step_mpx * self.cost.seconds_per_mpx, self._measuring(val)
        usable = max(learning + each, min(learning + MEASUREMENTS * each, learning / (1 - _MOST_MEASURING_SHARE)))
        return Short(steps, wanted, seconds, (self._before_steps() + usable) / _SAFETY)

    def _before_steps(self) -> float:
        """Seconds that go to other things than steps and measurements."""
        return _START_SECONDS + self.cost.spent

    def _measuring(self, val: Validation) -> float:
        """Seconds of one measurement."""
        if self.cost.seconds_per_val_image is not None:
            return val.images * self.cost.seconds_per_val_image
        return val.mpx * _FORWARD_SHARE * self.cost.seconds_per_mpx

    def reason(self, epochs: float) -> str:
        """Why so many steps."""
        origin = "measured" if self.cost.measured else "estimated"
        seen = f"each image {epochs:.0f} times" if epochs >= 1 else f"{epochs:.0%} of the images once"
        return f"what fits into {self.words} at {self.cost.seconds_per_mpx:.1f} s per million pixels ({origin}): {seen}"


def interval(steps: int, measurements: int) -> int:
    """Steps between two measurements; the last step is measured in any case."""
    return max(1, -(-steps // measurements))


def interval_choice(steps: int, measurements: int) -> Choice:
    """After how many of the steps it is measured, and why."""
    every = interval(steps, measurements)
    few = ", since more would take most of the time" if measurements < _FEWEST_MEASUREMENTS else ""
    count = counted(-(-steps // every), "measurement")
    return Choice("Train.eval_interval", every, f"{count}{few}; the best weights of them are kept")


def upright_reason(variation: float, upright: bool) -> str:
    """Why images are mirrored as they are."""
    if upright:
        return (
            f"the upper and the lower half hold different classes ({variation:.0%} apart): mirrored left to right only"
        )
    return "above and below are alike: mirrored both ways; brightness and colours vary"
