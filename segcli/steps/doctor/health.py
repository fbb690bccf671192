"""What the doctor found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class State(str, Enum):
    """GOOD; NOTE: something optional is missing; BAD: the main job could not run."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Observation:
    """One thing that was looked at.

    Attributes:
        topic: Group, e.g. ``engines``.
        name: What was looked at.
        value: Its version or state.
        state: How it is.
        remedy: The command that repairs it, as words after ``python -m pip``; empty when there is nothing to do.
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
        findings: In the order in which they are shown.
    """

    findings: tuple[Observation, ...]

    @property
    def healthy(self) -> bool:
        """Whether the main job can run."""
        return all(found.state is not State.BAD for found in self.findings)

    @property
    def remedy(self) -> str | None:
        """The one command that repairs what is bad; None when nothing is, or when no command can."""
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
