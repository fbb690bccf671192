"""Places where findings can be looked at: the first few of each rule, drawn for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from segcli.data.classes import ClassMap
from segcli.data.image import RgbImage
from segcli.findings import Finding

DrawPlace = Callable[[ClassMap], RgbImage]
SHOWN = 4
"""Places of one rule that are drawn."""


@dataclass(frozen=True)
class Place:
    """A finding and what draws the place that it is at, given the classes (RGB, uint8 [H, W, 3])."""

    found: Finding
    draw: DrawPlace


class Places:
    """Keeps the first places of each rule; nothing is drawn before the report is written."""

    def __init__(self) -> None:
        self._by_rule: dict[str, list[Place]] = {}

    def add(self, findings: Iterable[Finding], draw: DrawPlace) -> None:
        """Adds findings that are at one place."""
        for found in findings:
            kept = self._by_rule.setdefault(found.code, [])
            if len(kept) < SHOWN:
                kept.append(Place(found, draw))

    def has_room(self, rule_id: str) -> bool:
        """Whether more places of this rule are kept."""
        return len(self._by_rule.get(rule_id, ())) < SHOWN

    def of(self, findings: Iterable[Finding]) -> list[Place]:
        """The places of the rules that were found, in their order."""
        rule_ids = dict.fromkeys(found.code for found in findings)
        return [place for rule_id in rule_ids for place in self._by_rule.get(rule_id, ())]
