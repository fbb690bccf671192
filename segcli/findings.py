"""A fault in the user's data is data, not an exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

MOST_LISTED = 1000
"""Findings of one rule in a result file."""
MOST_BYTES = 3_000_000
"""Of all findings in a result file."""
LONGEST = 1000
"""Characters of a text of a finding in a result file."""
_FRAME_BYTES = 120


class Severity(str, Enum):
    """How bad a finding is: an ERROR makes the dataset invalid, a WARNING should be looked at, an INFO is a remark."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    # four times faster than that of Enum, for the order of very many findings
    __hash__ = str.__hash__


class Finding(NamedTuple):
    """One fault of one object of a dataset; a tuple, as very many are made.

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
        """The finding as plain values, for JSON; long texts are cut."""
        values = self._asdict() | {"severity": self.severity.value}
        return {key: _cut(value) if isinstance(value, str) else value for key, value in values.items()}

    def __str__(self) -> str:
        place = f"{self.path}:{self.location}" if self.location else self.path
        remedy = f" -> {self.hint}" if self.hint else ""
        return f"{self.code} {place}: {self.message}{remedy}"


def as_entries(findings: Iterable[Finding]) -> dict[str, Any]:
    """Entries of a result file: ``findings``, of each rule only so many that the file stays small.

    What is left out is counted by rule in ``findings_left_out``; the entry is missing where all are there.
    """
    seen: Counter[str | None] = Counter()
    entries = [found.as_dict() for found in findings if _counted_up(seen, found.code) <= MOST_LISTED]
    most, kept = MOST_LISTED, entries
    while most > 1 and sum(_size(entry) for entry in kept) > MOST_BYTES:
        most = max(1, most // 2)
        listed: Counter[str | None] = Counter()
        kept = [entry for entry in entries if _counted_up(listed, entry["code"]) <= most]
    left_out = {code: number - most for code, number in sorted(seen.items(), key=str) if number > most}
    return {"findings": kept, **({"findings_left_out": left_out} if left_out else {})}


def _counted_up(seen: Counter[str | None], code: str | None) -> int:
    seen[code] += 1
    return seen[code]


def _size(entry: dict[str, str | None]) -> int:
    return sum(len(value.encode("utf-8", "backslashreplace")) for value in entry.values() if value) + _FRAME_BYTES


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding makes the dataset invalid."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by code; the order in which they were found within."""
    rank = {severity: place for place, severity in enumerate(Severity)}
    # in two sorts, for which no pair is made of each of very many findings
    return sorted(sorted(findings, key=lambda finding: finding.code), key=lambda finding: rank[finding.severity])
