"""`segcli compare A B [C ...]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from segcli.errors import UsageError
from segcli.metrics.comparison import Contender, differences, differences_by_class, first_places, spread
from segcli.models.table import get_spec
from segcli.steps.compare.contenders import Named, NamedGroup, open_contenders
from segcli.steps.compare.measured import MeasuredRun
from segcli.steps.compare.page import ChangedImage, write_compare_page
from segcli.steps.compare.result import Against, CompareResult
from segcli.steps.evaluate.protocol import protocol_of
from segcli.tasks import step_part

MOST_CHANGED = 6
"""Number of images whose overlays are drawn."""
PAGE = "compare_report.html"


def compare(
    groups: Sequence[Sequence[str]],
    output: Path,
    *,
    dataset: str | None = None,
    overrides: Sequence[str] = (),
    device: str | None = None,
) -> CompareResult:
    """Measures all contenders on the same images and compares each with the first.

    Args:
        groups: One path per contender, or several runs that differ only in their seed.
        output: Folder for the page.
        dataset: Folder of the dataset; None uses the one that the trainings name.
        overrides: Settings ``key=value`` for all contenders.
        device: Device of the networks; None uses that of each configuration.

    Raises:
        UsageError: There are fewer than two contenders, or data, classes, task or protocol differ.
        ConfigError: A configuration or an override is wrong.
        WeightsError: Weights cannot be opened, or their classes differ from the dataset's.
        DatasetError: The dataset has faults.
    """
    if len(groups) < 2:
        raise UsageError("at least two contenders are needed", hint="segcli compare A B")
    named = open_contenders(groups, dataset, overrides, device)
    config = named[0].runs[0].config
    measure: Callable[[Named, ExitStack], MeasuredRun] = step_part("compare", get_spec(config.Global.model).task)
    with ExitStack() as stack:
        measured = [[measure(one, stack) for one in group.runs] for group in named]
        _require_same_images(named, measured)
        contenders = [
            Contender(group.name, tuple(one.run for one in runs), group.folds)
            for group, runs in zip(named, measured, strict=True)
        ]
        main = measured[0][0].main
        result = CompareResult(
            dataset=str(config.Global.dataset),
            score=main,
            images=len(_images(measured[0])),
            protocol=protocol_of(config),
            unit=contenders[0].runs[0].replicates.unit,
            units=contenders[0].runs[0].replicates.units,
            replicates=config.Evaluate.bootstrap or 1000,
            first=contenders[0].name,
            others=[
                Against(other.name, differences(contenders[0], other), differences_by_class(contenders[0], other))
                for other in contenders[1:]
            ],
            ranking=first_places(contenders, main),
            runs={one.name: spread(one, main) for one in contenders},
            page=str(output / PAGE),
        )
        changed = [_changed(measured[0], runs) for runs in measured[1:]]
        write_compare_page(result, changed, output / PAGE)
    return result


def _images(runs: Sequence[MeasuredRun]) -> dict[str, MeasuredRun]:
    """The run that draws each image: the first of several seeds, or the fold that validates on it."""
    found: dict[str, MeasuredRun] = {}
    for run in runs:
        for name in run.scores:
            found.setdefault(name, run)
    return found


def _require_same_images(named: Sequence[NamedGroup], measured: Sequence[Sequence[MeasuredRun]]) -> None:
    first = measured[0]
    for group, runs in zip(named, measured, strict=True):
        if group.folds is not named[0].folds or (group.folds and len(runs) != len(first)):
            raise UsageError(
                f"{group.name} and {named[0].name} differ in their folds: only the same folds can be compared",
                hint="train both with the same --folds and --seed",
            )
        for place, (one, run) in enumerate(zip(group.runs, runs, strict=True)):
            like, path = (first[place], named[0].runs[place].path) if group.folds else (first[0], named[0].runs[0].path)
            if run.classes != like.classes or run.scores.keys() != like.scores.keys():
                raise UsageError(f"{one.path} was measured on other classes or images than {path}")


def _changed(first: Sequence[MeasuredRun], other: Sequence[MeasuredRun]) -> list[ChangedImage]:
    """The images whose scores differ most, drawn for both."""
    first_runs, other_runs = _images(first), _images(other)
    scores = {name: (run.scores[name], other_runs[name].scores[name]) for name, run in first_runs.items()}
    changes = {
        name: abs(after - before)
        for name, (before, after) in scores.items()
        if before is not None and after is not None and after != before
    }
    names = sorted(changes, key=lambda name: (-changes[name], name))[:MOST_CHANGED]
    return [
        ChangedImage(
            name, first_runs[name].score, *scores[name], first_runs[name].draw(name), other_runs[name].draw(name)
        )
        for name in names
    ]
