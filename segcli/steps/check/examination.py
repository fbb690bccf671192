"""Common parts of the checks of all tasks: the pass over the dataset, and the files that show its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from segcli.config.schema import Config
from segcli.data.changes.settled import unreadable_findings
from segcli.data.instances import CocoDataset
from segcli.data.samples import SegDataset, Split
from segcli.data.splits.groups import group_rule
from segcli.findings import Finding
from segcli.models.task import Task
from segcli.steps.check.images import SizeRange
from segcli.steps.check.looks import QUICK, LookedAt
from segcli.steps.check.manifest import FILE
from segcli.steps.check.places import Places
from segcli.steps.check.report_files import Drawing, write_check_files
from segcli.steps.check.result import CheckResult, ClassCount, reported
from segcli.steps.check.settings import PassSettings
from segcli.tasks import TASKS

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
E = TypeVar("E")


class Seen(Protocol):
    """The part of an examination that is the same for all tasks."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every fault and remark, errors first."""

    @property
    def sizes(self) -> SizeRange:
        """Sizes of the images."""

    @property
    def looked_at(self) -> LookedAt:
        """How many images were decoded."""


class Drawable(Protocol[S_co]):
    """The part of an examination that is drawn."""

    @property
    def drawable(self) -> Mapping[Split, Sequence[S_co]]:
        """The first samples without errors of each split."""

    @property
    def places(self) -> Places:
        """The first places of findings, per rule."""


def examined(config: Config, examine: Callable[[Path, int | None, PassSettings], E]) -> E:
    """Runs `examine`, one pass over the dataset of a configuration.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
        ConfigError: The configuration names no dataset.
    """
    options = config.CheckDataset
    settings = PassSettings(
        workers=options.num_workers,
        draw=options.demo_images,
        group_of=group_rule(options.groups.by_folder, options.groups.pattern, options.groups.table),
        image_range=config.Global.image_range,
        manifest=Path(config.Global.output) / FILE if options.reuse else None,
        decoded=QUICK if options.quick else None,
        channels=config.Global.input_channels,
    )
    return examine(config.Global.dataset, config.Train.num_classes, settings)


def result_of(
    config: Config,
    task: Task,
    seen: Seen,
    dataset: SegDataset | CocoDataset,
    *,
    class_counts: tuple[ClassCount, ...],
    samples: Mapping[Split, int],
) -> CheckResult:
    """The result of a pass over a dataset, before the parts of a single task are added.

    Args:
        config: `CheckDataset` says which findings are reported, and how severe they are.
        task: Whose layout the dataset has.
        seen: What the pass found.
        dataset: The dataset.
        class_counts: How often each class occurs.
        samples: Number of samples per split, as in PaddleX.
    """
    return CheckResult(
        dataset_path=str(dataset.root),
        dataset_type=TASKS[task].dataset_type,
        findings=reported((*seen.findings, *unreadable_findings(dataset.root)), config.CheckDataset),
        strict=config.CheckDataset.strict,
        samples=dict(samples),
        classes=dataset.classes,
        class_counts=class_counts,
        size_range=seen.sizes.compute(),
        looked_at=seen.looked_at,
    )


def shown(config: Config, result: CheckResult, seen: Drawable[S], drawing: Callable[[S], Drawing]) -> CheckResult:
    """Writes histogram, drawn samples and report into the output folder; returns the result with their paths."""
    drawings = {split: [drawing(sample) for sample in samples] for split, samples in seen.drawable.items()}
    return write_check_files(result, drawings, seen.places, Path(config.Global.output))
