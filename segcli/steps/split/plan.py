"""The plan of a split, checked but not yet applied, and the report after it was applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.changes.journal import Change, Signature
from segcli.data.changes.transaction import change_rows
from segcli.findings import Finding
from segcli.steps.split.balance import Balance
from segcli.steps.split.request import SplitRequest


@dataclass(frozen=True)
class SplitPlan:
    """A planned split of a dataset.

    Attributes:
        root: The dataset's folder.
        request: The settings of the split.
        samples: Number of samples per split or fold, in order: `train`, `val`, `test`, or `fold_1`, ...
        files: New content of the lists or annotation files, by their path in the dataset.
        balance: How much of every class each split has.
        annotations: Number of annotations per split; None for masks.
        notes: Remarks for the user.
        seen: State of the dataset when the plan was made.
    """

    root: Path
    request: SplitRequest
    samples: Mapping[str, int]
    files: Mapping[str, str]
    balance: Balance
    annotations: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    seen: Signature | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values: dict[str, Any] = {f"{split}_samples": count for split, count in self.samples.items()}
        values |= {"seed": self.request.seed, "stratified": self.request.stratified}
        for split, count in (self.annotations or {}).items():
            values[f"{split}_annotations"] = count
        if self.notes:
            values["notes"] = list(self.notes)
        return {**values, "balance": self.balance.as_list()}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("dataset", str(self.root)), ("samples", _listed(self.samples))]
        if self.annotations is not None:
            rows.append(("annotations", _listed(self.annotations)))
        rows += [("seed", str(self.request.seed)), ("method", self.request.method)]
        return [*rows, *(("note", note) for note in self.notes), *self.balance.rows()]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {split.replace('_', ' ')}" for split, count in counts.items())


@dataclass(frozen=True)
class SplitReport:
    """What a split did.

    Attributes:
        plan: The plan that was applied.
        changes: Files written and where their originals went; empty when the split did not change anything.
    """

    plan: SplitPlan
    changes: tuple[Change, ...]

    @property
    def backups(self) -> list[str]:
        """Paths of the backups, relative to the dataset."""
        return [change.backup for change in self.changes if change.backup is not None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Always empty: a dataset with faults is refused instead."""
        return ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self.plan.as_dict(), "written": len(self.changes), "backups": self.backups}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [*self.plan.summary(), *change_rows(self.changes)]
