"""The table of all rules, read from the Markdown files beside this one."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from segcli.findings import Finding
from segcli.rules.rule import Rule, parse_rules


def _read_all() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for file in sorted(Path(__file__).parent.glob("*.md")):
        for rule in parse_rules(file.read_text(encoding="utf-8")):
            if rule.id in table:
                raise ValueError(f"rule {rule.id} is defined twice")
            table[rule.id] = rule
    return dict(sorted(table.items()))


RULES: dict[str, Rule] = _read_all()
"""Every rule by its id, in order of the ids."""


def finding(rule_id: str, path: str, message: str, *, location: str | None = None, hint: str | None = None) -> Finding:
    """A finding with the severity and the remedy of its rule; `hint` replaces the remedy with a more specific one."""
    rule = RULES[rule_id]
    return Finding(rule_id, rule.severity, path, message, location=location, hint=hint or rule.remedy)


def near_rules(wanted: str) -> list[str]:
    """Rule ids that begin with `wanted`, else at most 3 that are spelt similarly."""
    wanted = wanted.upper()
    alike = [rule_id for rule_id in RULES if wanted and rule_id.startswith(wanted)]
    return alike or get_close_matches(wanted, RULES, n=3, cutoff=0.5)
