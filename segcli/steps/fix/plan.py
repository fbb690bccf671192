"""The plan of a repair, and the report after it was applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.changes.journal import Change, Signature
from segcli.data.changes.transaction import change_rows
from segcli.findings import Finding, Severity
from segcli.plurals import counted
from segcli.rules import RULES
from segcli.steps.fix.draft import Action, Draft
from segcli.steps.fix.layouts import Layout


@dataclass(frozen=True)
class FixPlan:
    """Repairs that are planned and not yet applied.

    Attributes:
        root: The dataset's folder.
        draft: The changes to write.
        findings: All findings of the check.
        repairable: The selected findings that have a repair.
        seen: State of the dataset when the plan was made.
        layout: How the dataset is examined.
    """

    root: Path
    draft: Draft
    findings: tuple[Finding, ...]
    repairable: tuple[Finding, ...]
    seen: Signature
    layout: Layout

    @property
    def done(self) -> list[Action]:
        """The repairs that will be made."""
        return [action for action in self.draft.actions if action.is_done]

    @property
    def left(self) -> list[Action]:
        """The repairs that cannot be made here."""
        return [action for action in self.draft.actions if not action.is_done]

    def rows(self) -> list[tuple[str, str, str]]:
        """Rule, file and what is done, for the terminal."""
        return [(action.rule, action.file, action.message) for action in self.done]

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rules = Counter(found.code for found in self.repairable)
        rows = [("dataset", str(self.root)), ("findings", _amounts(self.findings))]
        rows += [(rule, f"{RULES[rule].title}: {number}") for rule, number in sorted(rules.items())]
        rows += [("not repaired", f"{left.rule} {left.file}: {left.message}") for left in self.left[:10]]
        if len(self.left) > 10:
            rows.append(("not repaired", f"... and {len(self.left) - 10} more"))
        rows.append(("to be written", counted(len(self.draft.changed), "file")))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "dataset_path": str(self.root),
            "findings_before": len(self.findings),
            "actions": [vars(action) for action in self.draft.actions],
            "files": self.draft.changed,
        }


@dataclass(frozen=True)
class FixReport:
    """What a repair did.

    Attributes:
        plan: The plan that was applied.
        changes: Files written and where their originals went.
        findings: Findings of the check after the repair.
    """

    plan: FixPlan
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        backups = [change.backup for change in self.changes if change.backup is not None]
        return {
            **self.plan.as_dict(),
            "written": len(self.changes),
            "backups": backups,
            "findings": [found.as_dict() for found in self.findings],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [
            ("dataset", str(self.plan.root)),
            *change_rows(self.changes),
            ("before", _amounts(self.plan.findings)),
            ("now", _amounts(self.findings)),
        ]


def _amounts(findings: Sequence[Finding]) -> str:
    numbers = Counter(found.severity for found in findings)
    return ", ".join(counted(numbers[severity], severity.value) for severity in (Severity.ERROR, Severity.WARNING))
