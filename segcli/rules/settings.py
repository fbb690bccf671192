"""Which rules are reported, and with which severity: set by the configuration, applied to findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segcli.findings import Finding, Severity
from segcli.rules.table import RULES, near_rules

OFF = "off"
LEVELS = (*(severity.value for severity in Severity), OFF)
"""What a rule may be set to."""


@dataclass(frozen=True)
class RuleSettings:
    """Rules by id or id prefix (``S2``); of two that match, the longer one wins.

    Attributes:
        levels: Severity that replaces the rule's default; None turns the rule off.
        select: Rules that are reported; empty means all.
        ignore: Rules that are not reported.
    """

    levels: Mapping[str, Severity | None] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, levels: Mapping[str, Any] | None, select: Iterable[str] | None, ignore: Iterable[str] | None
    ) -> RuleSettings:
        """The settings of a configuration that was validated before."""
        return cls(
            {key.upper(): level_of(value) for key, value in (levels or {}).items()},
            tuple(key.upper() for key in select or ()),
            tuple(key.upper() for key in ignore or ()),
        )

    def severity(self, rule_id: str) -> Severity | None:
        """Severity of a rule's findings; None when they are not reported."""
        chosen = _longest(self.select, rule_id) if self.select else 0
        if chosen < 0 or _longest(self.ignore, rule_id) > chosen:
            return None
        fitting = [key for key in self.levels if rule_id.startswith(key)]
        return self.levels[max(fitting, key=len)] if fitting else RULES[rule_id].severity

    def apply(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings to report, in their order, each with its configured severity."""
        if not (self.levels or self.select or self.ignore):
            return list(findings)
        kept = []
        for found in findings:
            severity = self.severity(found.code)
            if severity is not None:
                kept.append(found if severity is found.severity else found._replace(severity=severity))
        return kept


def level_of(value: Any) -> Severity | None:
    """A severity by its name; None for ``off``, which YAML reads as false.

    Raises:
        ValueError: It is none of `LEVELS`.
    """
    return None if value in (OFF, False) else Severity(value)


def unknown_rule(key: str) -> str | None:
    """Message that no rule id begins with `key`, with the nearest id; None if one does."""
    if key and any(rule_id.startswith(key.upper()) for rule_id in RULES):
        return None
    near = near_rules(key)
    return f"is {key!r}; no rule id begins with it{f', did you mean {near[0]}?' if near else ''}"


def _longest(keys: Iterable[str], rule_id: str) -> int:
    """Length of the longest key that a rule id begins with; -1 where it begins with none."""
    return max((len(key) for key in keys if rule_id.startswith(key)), default=-1)
