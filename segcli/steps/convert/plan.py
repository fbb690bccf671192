"""A conversion: a plan that is checked, shown, and then carried out whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segcli.data.changes.journal import Change, Signature
from segcli.data.changes.transaction import Transaction, change_rows
from segcli.data.formats.annotated import NO_CLASSES, AnnotatedDataset
from segcli.data.formats.format import Brush, Format, Loss, Placed, PlacedImage, Written
from segcli.data.formats.table import format_named
from segcli.data.samples import Split
from segcli.findings import Finding, Severity, as_entries
from segcli.plurals import counted
from segcli.progress import track
from segcli.rules import finding
from segcli.steps.convert.images import stage_image


@dataclass(frozen=True)
class ConversionPlan:
    """A conversion that is checked and not yet begun.

    Attributes:
        dataset: What is converted.
        target: The format of the result.
        root: Folder of the result.
        placed_images: The images of the result.
        findings: What is wrong or worth saying; with an error in it the plan is not applied.
        brush: How shapes without an inside are painted.
        allow_lossy: Whether to write what the target cannot say in full.
        seen: The state of the dataset that it was made from, where it is converted in place.
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
        """Names by id, as the result counts them."""
        ground = self.dataset.background if self.target.is_label_map else None
        return self.dataset.classes if ground is None else (ground, *self.dataset.classes)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the plan is refused."""
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
        """Rules of faults that single objects or files have, without which the rest can be converted."""
        return format_named(self.dataset.format).skippable

    def losses(self) -> dict[str, int]:
        """Number of objects by what the result would lose of them; writes nothing."""
        if self.errors:
            return {}
        placed = Placed(self.dataset, self.root, self.placed_images, self.brush)
        return dict(self.target.write(placed, lambda _name, _data: None).lost)

    def samples(self, split: Split) -> list[PlacedImage]:
        """The images of one part."""
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
        plan: What was carried out.
        written: What was made and what of the source it does not say.
        changes: Files written and where their originals went; empty when all was there already.
    """

    plan: ConversionPlan
    written: Written
    changes: tuple[Change, ...]

    @property
    def made(self) -> dict[str, int]:
        """Counts of what was made, by name."""
        return dict(self.written.made)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the result loses, object by object; of each kind the first."""
        return tuple(self.written.losses)

    @property
    def backups(self) -> list[str]:
        """Where originals went, relative to the dataset."""
        return [change.backup for change in self.changes if change.backup is not None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings and remarks; no errors, as with these nothing is converted."""
        return self.plan.findings

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
        return [*rows, *([("lost", lost)] if lost else []), *change_rows(self.changes)]


def loss_findings(written: Written) -> list[Finding]:
    """Losses as errors, for which the conversion is refused."""
    return [
        finding("F101", loss.image, f"{loss.label}: {loss.what}; mask IoU {loss.iou:.3f}", location=loss.place or None)
        for loss in written.losses
    ]


def left_out(placed_images: tuple[PlacedImage, ...], dataset: AnnotatedDataset, target: Format) -> list[Finding]:
    """Regions that are no objects, for formats that hold objects only."""
    if target.keeps_ignored_regions or not any(name in dataset.labels for name in NO_CLASSES):
        return []
    findings = []
    for placed in placed_images:
        labels = [value.label for value in placed.source.read_objects()]
        counts = [f"{labels.count(name)} {name}" for name in NO_CLASSES if name in labels]
        if counts:
            findings.append(finding("L303", placed.source.name, f"holds {' and '.join(counts)}"))
    return findings


def skipped(found: Finding, target_of_fault: frozenset[str]) -> Finding:
    """A fault of a single object or file that is left out, as a warning; any other as it is."""
    if found.severity is not Severity.ERROR or found.code not in target_of_fault:
        return found
    return replace(found, severity=Severity.WARNING, message=f"{found.message}; left out")
