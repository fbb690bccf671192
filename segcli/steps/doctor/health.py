"""The findings of doctor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class State(str, Enum):
    """GOOD; NOTE: something optional is missing; BAD: segcli cannot do its main work."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Observation:
    """One item that was checked.

    Attributes:
        topic: Group, e.g. ``engines``.
        name: Name of the item.
        value: Its version or state.
        state: Its rating.
        remedy: The repair command, as arguments of ``python -m pip``; empty when there is none.
        advice: What to do where no pip command helps.
    """

    topic: str
    name: str
    value: str
    state: State = State.GOOD
    remedy: tuple[str, ...] = ()
    advice: str | None = None


@dataclass(frozen=True)
class Health:
    """All findings.

    Attributes:
        findings: In display order.
    """

    findings: tuple[Observation, ...]

    @property
    def healthy(self) -> bool:
        """Whether segcli can do its main work."""
        return all(found.state is not State.BAD for found in self.findings)

    @property
    def remedy(self) -> str | None:
        """The command that repairs the installation; None when nothing is broken or no command helps."""
        return (
            "segcli doctor --fix" if any(found.remedy for found in self.findings if found.state is State.BAD) else None
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "healthy": self.healthy,
            "remedy": self.remedy,
            "findings": [{**asdict(found), "state": found.state.value} for found in self.findings],
        }
