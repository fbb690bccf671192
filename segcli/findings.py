"""A fault in the user's data is data, not an exception."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum


class Severity(str, Enum):
    """How bad a finding is: an ERROR makes the dataset invalid, a WARNING should be looked at, an INFO is a remark."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One fault of one object of a dataset.

    Attributes:
        code: Stable short code, e.g. ``S101``; listed in `segcli.rules`.
        severity: See `Severity`.
        path: File that the fault is in, relative to the dataset root where possible.
        message: What is wrong, with the numbers.
        location: Place inside the file: a line, a shape, an annotation id.
        hint: What to do about it.
    """

    code: str
    severity: Severity
    path: str
    message: str
    location: str | None = None
    hint: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The finding as plain values, for JSON."""
        return {**asdict(self), "severity": self.severity.value}

    def __str__(self) -> str:
        place = f"{self.path}:{self.location}" if self.location else self.path
        remedy = f" -> {self.hint}" if self.hint else ""
        return f"{self.code} {place}: {self.message}{remedy}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding makes the dataset invalid."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by code; the order in which they were found within."""
    rank = {severity: place for place, severity in enumerate(Severity)}
    return sorted(findings, key=lambda finding: (rank[finding.severity], finding.code))
