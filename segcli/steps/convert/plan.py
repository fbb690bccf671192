"""A conversion: the plan, which is checked and shown before it is applied, and the report of what it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.changes.journal import Change, Signature
from segcli.data.changes.transaction import Transaction, change_rows
from segcli.data.classes import NO_CLASSES
from segcli.data.formats.annotated import AnnotatedDataset
from segcli.data.formats.format import Brush, Format, Loss, Placed, PlacedImage, Written
from segcli.data.formats.table import format_named
from segcli.data.samples import Split
from segcli.findings import Finding, Severity, as_entries
from segcli.plurals import counted
from segcli.progress import track
from segcli.rules import RULES, finding
from segcli.steps.convert.images import stage_image


@dataclass(frozen=True)
class ConversionPlan:
    """A conversion that is checked and not yet applied.

    Attributes:
        dataset: The dataset to convert.
        target: The format of the result.
        root: Folder of the result.
        placed_images: The images of the result.
        findings: Faults and remarks; a plan with an error is not applied.
        brush: Line width and point size with which lines and points are painted.
        allow_lossy: Whether to convert although the target cannot represent everything.
        seen: State of the dataset when the plan was made; None for a new folder.
    """

    dataset: AnnotatedDataset
    target: Format
    root: Path
    placed_images: tuple[PlacedImage, ...]
    findings: tuple[Finding, ...]
    brush: Brush
    allow_lossy: bool = False
    seen: Signature | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of the result in order of their ids, the background included where it is a class."""
        ground = self.dataset.background if self.target.is_label_map else None
        return self.dataset.classes if ground is None else (ground, *self.dataset.classes)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings because of which the plan is refused."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    def stage(self, changes: Transaction) -> Written:
        """Writes every file of the result into a transaction."""

        def put(name: str, data: bytes) -> None:
            changes.stage(name).write_bytes(data)

        images = tuple(track(self.placed_images, "converting", len(self.placed_images)))
        written = self.target.write(Placed(self.dataset, self.root, images, self.brush), put)
        for placed in images:
            stage_image(placed, self.target.image_path(placed), self.root, changes)
        return written

    @property
    def skippable(self) -> frozenset[str]:
        """Ids of rules on single objects or files, without which the rest can be converted."""
        return format_named(self.dataset.format).skippable

    def losses(self) -> dict[str, int]:
        """Number of affected objects by kind of loss; empty if the plan has errors. Writes nothing."""
        if self.errors:
            return {}
        placed = Placed(self.dataset, self.root, self.placed_images, self.brush)
        return dict(self.target.write(placed, lambda _name, _data: None).lost)

    def samples(self, split: Split) -> list[PlacedImage]:
        """The images of one split."""
        return [placed for placed in self.placed_images if placed.split is split]

    def shapes(self) -> dict[str, int]:
        """Number of shapes or objects by label, where the source lists them."""
        return dict(self.dataset.labels)

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
        plan: The plan that was applied.
        written: Counts of what was written, and what of the source was lost.
        changes: Files written and where their originals went; empty when nothing had to change.
    """

    plan: ConversionPlan
    written: Written
    changes: tuple[Change, ...]

    @property
    def made(self) -> dict[str, int]:
        """Counts of what was written, by name."""
        return dict(self.written.made)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was lost per object; only the first objects of each kind."""
        return tuple(self.written.losses)

    @property
    def backups(self) -> list[str]:
        """Paths of the backups, relative to the dataset."""
        return [change.backup for change in self.changes if change.backup is not None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings and remarks; never errors, which refuse the conversion."""
        return self.plan.findings

    @property
    def skipped(self) -> int:
        """Faulty objects and files that were left out."""
        return sum(
            found.severity is Severity.WARNING and RULES[found.code].severity is Severity.ERROR
            for found in self.plan.findings
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "source": str(self.plan.dataset.root),
            "source_format": self.plan.dataset.format,
            "target": str(self.plan.root),
            "target_format": self.plan.target.name,
            "classes": list(self.plan.classes),
            "train_samples": len(self.plan.samples(Split.TRAIN)),
            "val_samples": len(self.plan.samples(Split.VAL)),
            "shapes": self.plan.shapes(),
            **self.made,
            "skipped": self.skipped,
            "written": len(self.changes),
            "backups": self.backups,
            "losses": {"counts": dict(self.written.lost), "objects": [loss.as_dict() for loss in self.losses]},
            **as_entries(self.plan.findings),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        made = [(name.replace("_", " "), str(count)) for name, count in self.made.items()]
        lost = ", ".join(f"{what}: {counted(count, 'object')}" for what, count in self.written.lost.items())
        rows = [*self.plan.summary()[:-1], *made]
        if self.skipped:
            rows.append(("skipped", f"{self.skipped} with a fault; the findings list them"))
        return [*rows, *([("lost", lost)] if lost else []), *change_rows(self.changes)]


def loss_findings(written: Written) -> list[Finding]:
    """Losses as errors, because of which the conversion is refused."""
    return [
        finding("F101", loss.image, f"{loss.label}: {loss.what}; mask IoU {loss.iou:.3f}", location=loss.place or None)
        for loss in written.losses
    ]


def left_out(placed_images: tuple[PlacedImage, ...], dataset: AnnotatedDataset, target: Format) -> list[Finding]:
    """Findings on regions that are not objects, for target formats that hold objects only."""
    if target.keeps_ignored_regions or not any(name in dataset.labels for name in NO_CLASSES):
        return []
    findings = []
    for placed in placed_images:
        labels = [value.label for value in placed.source.read_objects()]
        counts = [f"{labels.count(name)} {name}" for name in NO_CLASSES if name in labels]
        if counts:
            findings.append(finding("L303", placed.source.name, f"holds {' and '.join(counts)}"))
    return findings


def skipped(found: Finding, skippable: frozenset[str]) -> Finding:
    """The finding as a warning where its rule is among `skippable`; any other unchanged."""
    if found.severity is not Severity.ERROR or found.code not in skippable:
        return found
    return found._replace(severity=Severity.WARNING, message=f"{found.message}; left out")
