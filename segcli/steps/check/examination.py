"""Common parts of the checks of all tasks: the pass over the dataset, and the files that show its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.data.samples import Split
from segcli.data.splits.groups import group_rule
from segcli.steps.check.looks import QUICK
from segcli.steps.check.manifest import FILE
from segcli.steps.check.places import Places
from segcli.steps.check.report_files import Drawing, write_check_files
from segcli.steps.check.result import CheckResult

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
E = TypeVar("E")


class Drawable(Protocol[S_co]):
    """The part of an examination that is drawn."""

    @property
    def drawable(self) -> Mapping[Split, Sequence[S_co]]:
        """The first samples without errors of each split."""

    @property
    def places(self) -> Places:
        """The first places of findings, per rule."""


def examined(config: Config, examine: Callable[..., E]) -> E:
    """Runs `examine`, one pass over the dataset of a configuration.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
        ConfigError: The configuration names no dataset.
    """
    options = config.CheckDataset
    return examine(
        config.Global.dataset,
        config.Train.num_classes,
        workers=options.num_workers,
        draw=options.demo_images,
        group_of=group_rule(options.groups.by_folder, options.groups.pattern, options.groups.table),
        image_range=config.Global.image_range,
        manifest=Path(config.Global.output) / FILE if options.reuse else None,
        decoded=QUICK if options.quick else None,
        **({"channels": config.Global.input_channels} if config.Global.input_channels != COLOURS else {}),
    )


def shown(config: Config, result: CheckResult, seen: Drawable[S], drawing: Callable[[S], Drawing]) -> CheckResult:
    """Writes histogram, drawn samples and report into the output folder; returns the result with their paths."""
    drawings = {split: [drawing(sample) for sample in samples] for split, samples in seen.drawable.items()}
    return write_check_files(result, drawings, seen.places, Path(config.Global.output))
