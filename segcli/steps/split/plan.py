"""A division that is checked and not yet made, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.journal import Change, Signature
from segcli.data.transaction import change_rows
from segcli.findings import Finding


@dataclass(frozen=True)
class SplitPlan:
    """A division of a dataset.

    Attributes:
        root: The dataset's folder.
        train: Images of the training part.
        val: Images of the validation part.
        seed: Seed of the shuffle.
        files: New content of the lists or annotation files, by their path in the dataset.
        annotations: Annotations of both parts, where the layout has them.
        seen: The state of the dataset that it was made from.
    """

    root: Path
    train: int
    val: int
    seed: int
    files: Mapping[str, str]
    annotations: tuple[int, int] | None = None
    seen: Signature | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values: dict[str, Any] = {"train_samples": self.train, "val_samples": self.val, "seed": self.seed}
        if self.annotations is not None:
            values["train_annotations"], values["val_annotations"] = self.annotations
        return values

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [
            ("dataset", str(self.root)),
            ("samples", f"{self.train} train, {self.val} val"),
            ("seed", str(self.seed)),
        ]
        if self.annotations is not None:
            rows.insert(2, ("annotations", "{} train, {} val".format(*self.annotations)))
        return rows


@dataclass(frozen=True)
class SplitReport:
    """What a division did.

    Attributes:
        plan: What was carried out.
        changes: Files written and where their originals went; empty when the division is the one that was there.
    """

    plan: SplitPlan
    changes: tuple[Change, ...]

    @property
    def backups(self) -> list[str]:
        """Where originals went, relative to the dataset."""
        return [change.backup for change in self.changes if change.backup is not None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A division has nothing to remark: what it cannot divide, it refuses."""
        return ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self.plan.as_dict(), "written": len(self.changes), "backups": self.backups}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [*self.plan.summary(), *change_rows(self.changes)]
