"""`segcli compare A B [C ...]`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from segcli.errors import UsageError
from segcli.metrics.comparison import Contender, differences, differences_by_class, first_places, spread
from segcli.models.table import get_spec
from segcli.steps.compare.contenders import Named, open_contenders, protocol_of
from segcli.steps.compare.measured import MAIN, SCORE_OF_IMAGE, MeasuredRun, measure_run
from segcli.steps.compare.page import ChangedImage, write_compare_page
from segcli.steps.compare.result import Against, CompareResult

MOST_CHANGED = 6
"""Images whose overlays are drawn."""
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
        groups: Per contender one path, or several runs of one kind (seeds).
        output: Folder for the page.
        dataset: Folder of the dataset; None takes the one that the trainings name.
        overrides: Texts ``key=value`` for all.
        device: Where networks run.

    Raises:
        UsageError: There are fewer than two contenders, or data, classes, task or protocol differ.
        WeightsError: Weights cannot be opened, or know other classes than the dataset.
        DatasetError: The dataset has faults.
    """
    if len(groups) < 2:
        raise UsageError("two contenders at least are compared", hint="segcli compare A B")
    named = open_contenders(groups, dataset, overrides, device)
    config = named[0][0].config
    task = get_spec(config.Global.model).task
    with ExitStack() as stack:
        measured = [[measure_run(one, stack) for one in group] for group in named]
        _require_same_images(named, measured)
        contenders = [_contender(group, runs) for group, runs in zip(groups, measured, strict=True)]
        result = CompareResult(
            dataset=str(config.Global.dataset),
            score=MAIN[task],
            images=len(measured[0][0].scores),
            protocol=protocol_of(config),
            unit=contenders[0].runs[0].replicates.unit,
            units=contenders[0].runs[0].replicates.units,
            replicates=config.Evaluate.bootstrap or 1000,
            first=contenders[0].name,
            others=[
                Against(other.name, differences(contenders[0], other), differences_by_class(contenders[0], other))
                for other in contenders[1:]
            ],
            ranking=first_places(contenders, MAIN[task]),
            runs={one.name: spread(one, MAIN[task]) for one in contenders},
            page=str(output / PAGE),
        )
        changed = [_changed(measured[0][0], runs[0], SCORE_OF_IMAGE[task]) for runs in measured[1:]]
        write_compare_page(result, changed, output / PAGE)
    return result


def _contender(paths: Sequence[str], runs: Sequence[MeasuredRun]) -> Contender:
    return Contender(" + ".join(paths), tuple(one.run for one in runs))


def _require_same_images(named: Sequence[Sequence[Named]], measured: Sequence[Sequence[MeasuredRun]]) -> None:
    first = measured[0][0]
    for group, runs in zip(named, measured, strict=True):
        for one, run in zip(group, runs, strict=True):
            if run.classes != first.classes or run.scores.keys() != first.scores.keys():
                raise UsageError(f"{one.path} was measured on other classes or images than {named[0][0].path}")


def _changed(first: MeasuredRun, other: MeasuredRun, score: str) -> list[ChangedImage]:
    """The images whose scores differ most, drawn for both."""
    changes = {
        name: abs(theirs - ours)
        for name, ours in first.scores.items()
        if ours is not None and (theirs := other.scores[name]) is not None and theirs != ours
    }
    names = sorted(changes, key=lambda name: (-changes[name], name))[:MOST_CHANGED]
    return [
        ChangedImage(name, score, first.scores[name], other.scores[name], first.draw(name), other.draw(name))
        for name in names
    ]
