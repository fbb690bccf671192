"""`convert`: a LabelMe folder becomes what segcli trains on, in place, and can be turned back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.schema import Config
from segcli.convert.labelme_source import read_labelme_dataset
from segcli.convert.to_seg import SegPlan, plan_seg, stage_lists, stage_sample
from segcli.data.finding import Finding, Severity, has_errors
from segcli.data.samples import Split
from segcli.data.transaction import Change, transaction
from segcli.errors import DatasetError, UsageError
from segcli.progress import track


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        root: The dataset's folder.
        classes: Class names by id.
        train: Samples of the training part.
        val: Samples of the validation part.
        shapes: Shapes painted, by label.
        changes: Files written and where their originals went; empty when all was there already.
        findings: What is worth looking at.
    """

    root: Path
    classes: tuple[str, ...]
    train: int
    val: int
    shapes: dict[str, int]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "classes": list(self.classes),
            "train_samples": self.train,
            "val_samples": self.val,
            "shapes": self.shapes,
            "written": len(self.changes),
            "backups": [change.backup for change in self.changes if change.backup is not None],
            "findings": [found.as_dict() for found in self.findings],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [
            ("dataset", str(self.root)),
            ("classes", ", ".join(self.classes)),
            ("samples", f"{self.train} train, {self.val} val"),
            ("shapes", ", ".join(f"{count} {label}" for label, count in self.shapes.items()) or "none"),
            ("files written", str(len(self.changes))),
        ]


def plan_conversion(config: Config) -> SegPlan:
    """Everything that a conversion would do, checked, with nothing written.

    Raises:
        UsageError: There is no dataset folder.
    """
    if config.Global.dataset_dir is None or not Path(config.Global.dataset_dir).is_dir():
        raise UsageError(f"there is no folder {config.Global.dataset_dir}", hint="set Global.dataset_dir")
    settings = config.CheckDataset.convert
    dataset = read_labelme_dataset(Path(config.Global.dataset_dir))
    return plan_seg(
        dataset,
        line_width=settings.line_width,
        point_size=settings.point_size,
        seed=config.CheckDataset.split.seed,
    )


def convert_dataset(config: Config) -> ConvertReport:
    """Converts the dataset of a configuration in place; what it replaces is kept as `.bak`.

    Raises:
        DatasetError: Something in the dataset is wrong; nothing was written, and every fault is listed.
        UsageError: There is no dataset folder.
    """
    return apply_conversion(plan_conversion(config))


def apply_conversion(plan: SegPlan) -> ConvertReport:
    """Carries a plan out, whole or not at all."""
    root = plan.dataset.root
    if has_errors(plan.findings):
        errors = [found for found in plan.findings if found.severity is Severity.ERROR]
        raise DatasetError(f"{len(errors)} faults; nothing was converted", plan.findings, path=root)
    shapes: dict[str, int] = {}
    with transaction(root, "convert") as changes:
        for target in track(plan.targets, "convert", len(plan.targets)):
            stage_sample(plan, target, changes)
            for shape in target.source.annotation.shapes:
                shapes[shape.label] = shapes.get(shape.label, 0) + 1
        stage_lists(plan, changes)
    return ConvertReport(
        root=root,
        classes=plan.classes,
        train=len(plan.samples(Split.TRAIN)),
        val=len(plan.samples(Split.VAL)),
        shapes=shapes,
        changes=tuple(changes.changes),
        findings=plan.findings,
    )
