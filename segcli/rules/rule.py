"""One rule, and how its section of a Markdown file is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from segcli.findings import Severity


class Repair(str, Enum):
    """How a fault is repaired: without loss, by a command whose result needs review, by hand, or not at all."""

    SAFE = "safe"
    REVIEW = "review"
    BY_HAND = "by hand"
    NONE = "none"


@dataclass(frozen=True)
class Rule:
    """A kind of finding.

    Attributes:
        id: Stable id.
        severity: Default severity; the configuration can override it.
        title: What is wrong, in a few words.
        remedy: What to do about it, in one line.
        repair: How it can be repaired.
        text: What it finds, why that is bad, an example and the repair: Markdown with headings of level 3.
    """

    id: str
    severity: Severity
    title: str
    remedy: str
    repair: Repair
    text: str

    def section(self, name: str) -> str:
        """One part of the text, by its heading in `SECTIONS`."""
        _, _, after = self.text.partition(f"### {name}\n")
        return after.partition("\n### ")[0].strip()

    @property
    def page(self) -> str:
        """The whole page, Markdown."""
        return (
            f"# {self.id}: {self.title}\n\n"
            f"Severity: {self.severity.value}. Repair: {self.repair.value}.\n\n"
            f"In short: {self.remedy}.\n\n{self.text.replace('### ', '## ')}\n"
        )


SECTIONS = ("What it finds", "Why it is bad", "Example", "Repair")
"""Headings of every rule's text, in this order."""

_RULE = re.compile(r"^## (?P<id>[A-Z]\d{3}): (?P<title>.+)$", re.MULTILINE)
_FIELD = re.compile(r"^- (severity|remedy|repair): (.+)$", re.MULTILINE)


def parse_rules(markdown: str) -> Iterator[Rule]:
    """The rules of one file.

    Raises:
        ValueError: A rule lacks a field, or a field has an unknown value.
    """
    heads = list(_RULE.finditer(markdown))
    ends = [*(head.start() for head in heads[1:]), len(markdown)]
    for head, end in zip(heads, ends, strict=True):
        fields, _, text = markdown[head.end() : end].strip().partition("\n\n")
        values = dict(_FIELD.findall(fields))
        missing = {"severity", "remedy", "repair"} - values.keys()
        if missing:
            raise ValueError(f"rule {head['id']} lacks {', '.join(sorted(missing))}")
        yield Rule(
            head["id"],
            Severity(values["severity"]),
            head["title"],
            values["remedy"],
            Repair(values["repair"]),
            text.strip(),
        )
