"""The places of findings that the report draws: the first few per rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from segcli.data.classes import ClassMap
from segcli.data.image import RgbImage
from segcli.findings import Finding

DrawPlace = Callable[[ClassMap], RgbImage]
SHOWN = 4
"""Number of places per rule that are drawn."""


@dataclass(frozen=True)
class Place:
    """A finding, and a function that draws its place, given the classes: RGB, uint8 [H, W, 3]."""

    found: Finding
    draw: DrawPlace


class Places:
    """Keeps the first places of each rule; nothing is drawn before the report is written."""

    def __init__(self) -> None:
        self._by_rule: defaultdict[str, list[Place]] = defaultdict(list)

    def add(self, findings: Iterable[Finding], draw: Callable[..., RgbImage], *what: object) -> None:
        """Adds findings at the same place, which is drawn by a function that takes `what` and the classes."""
        for found in findings:
            kept = self._by_rule[found.code]
            if len(kept) < SHOWN:
                kept.append(Place(found, partial(draw, *what)))

    def has_room(self, rule_id: str) -> bool:
        """Whether fewer than `SHOWN` places of this rule are kept."""
        return len(self._by_rule.get(rule_id, ())) < SHOWN

    def of(self, findings: Iterable[Finding]) -> list[Place]:
        """The kept places of the rules among the findings, in the order of the findings."""
        rule_ids = dict.fromkeys(found.code for found in findings)
        return [place for rule_id in rule_ids for place in self._by_rule.get(rule_id, ())]
