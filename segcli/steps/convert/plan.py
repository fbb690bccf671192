"""What every conversion has in common: a plan that is checked, shown, and then carried out whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.data.formats.labelme_dataset import LabelMeDataset
from segcli.data.journal import Change, Signature
from segcli.data.samples import Split
from segcli.data.transaction import Transaction, change_rows
from segcli.findings import Finding, Severity
from segcli.steps.convert.images import PlacedImage


@dataclass(frozen=True)
class ConversionPlan(ABC):
    """A conversion that is checked and not yet begun.

    Attributes:
        dataset: What is converted.
        classes: Names by id.
        images: The images of the result.
        findings: What is wrong or worth saying; with an error in it the plan is not applied.
        line_width: Width in pixels of painted lines.
        point_size: Radius in pixels of painted points.
        seen: The state of the dataset that it was made from.
    """

    dataset: LabelMeDataset
    classes: tuple[str, ...]
    placed_images: tuple[PlacedImage, ...]
    findings: tuple[Finding, ...]
    line_width: int
    point_size: int
    seen: Signature | None = field(default=None, kw_only=True)

    @abstractmethod
    def stage(self, changes: Transaction) -> dict[str, int]:
        """Writes every file of the result into a transaction; returns counts of what was made, by name."""

    @property
    def root(self) -> Path:
        """The dataset's folder."""
        return self.dataset.root

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the plan is refused."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    def samples(self, split: Split) -> list[PlacedImage]:
        """The images of one part."""
        return [placed for placed in self.placed_images if placed.split is split]

    def shapes(self) -> dict[str, int]:
        """Number of shapes by label, in order of first appearance."""
        return dict(Counter(shape.label for placed in self.placed_images for shape in placed.source.annotation.shapes))

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        train, val = (len(self.samples(split)) for split in Split)
        return [
            ("dataset", str(self.root)),
            ("classes", ", ".join(self.classes)),
            ("samples", f"{train} train, {val} val"),
            ("shapes", ", ".join(f"{count} {label}" for label, count in self.shapes().items()) or "none"),
            ("faults", ", ".join(sorted({found.code for found in self.errors})) or "none"),
        ]


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        plan: What was carried out.
        made: Counts of what was made, by name.
        changes: Files written and where their originals went; empty when all was there already.
    """

    plan: ConversionPlan
    made: dict[str, int]
    changes: tuple[Change, ...]

    @property
    def backups(self) -> list[str]:
        """Where originals went, relative to the dataset."""
        return [change.backup for change in self.changes if change.backup is not None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was worth saying; no errors, for with these nothing is converted."""
        return self.plan.findings

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "classes": list(self.plan.classes),
            "train_samples": len(self.plan.samples(Split.TRAIN)),
            "val_samples": len(self.plan.samples(Split.VAL)),
            "shapes": self.plan.shapes(),
            **self.made,
            "written": len(self.changes),
            "backups": self.backups,
            "findings": [found.as_dict() for found in self.plan.findings],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        made = [(name.replace("_", " "), str(count)) for name, count in self.made.items()]
        return [*self.plan.summary()[:-1], *made, *change_rows(self.changes)]
