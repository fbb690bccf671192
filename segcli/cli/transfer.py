"""`segcli convert SRC DST --to FORMAT`: a dataset of any format, written in another one into a new folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from segcli import terminal
from segcli.errors import EXIT_DATASET_INVALID, EXIT_DONE, UsageError

if TYPE_CHECKING:
    from segcli.steps.convert.plan import ConversionPlan

_NAMES = "coco, labelme, masks, yolo, voc"
MODE = "convert"


@dataclass(frozen=True)
class Chosen:
    """The options of the command.

    Attributes:
        allow_lossy: Whether to write what the target cannot say in full.
        skip_faulty: Whether to leave out single faulty objects and files.
        dry_run: Whether to show the plan only.
        output: Folder for the report; None for none.
    """

    allow_lossy: bool = False
    skip_faulty: bool = False
    dry_run: bool = False
    output: str | None = None


def transfer(source: str | None, target: str | None, to: str | None, chosen: Chosen) -> int:
    """Converts, or shows what would be done; returns the exit code.

    Args:
        source: Folder of the dataset.
        target: A new folder.
        to: Name of the target's format.
        chosen: The options.

    Raises:
        UsageError: Something was not given.
        DatasetError: The dataset cannot be converted.
    """
    from segcli.results import write_result
    from segcli.steps.convert.command import ConvertOptions, apply_conversion, plan_transfer

    if source is None or target is None or to is None:
        given = quote(source or "SRC")
        hint = f"segcli convert {given} {quote(target or 'NEW_FOLDER')} --to {to or 'FORMAT'}; formats: {_NAMES}"
        raise UsageError("a conversion into a new folder needs the folder and a format", hint=hint)
    options = ConvertOptions(allow_lossy=chosen.allow_lossy, skip_faulty=chosen.skip_faulty)
    plan = plan_transfer(Path(source), Path(target), to, options)
    if chosen.dry_run:
        return _show(plan)
    report = apply_conversion(plan)
    written = None if chosen.output is None else write_result(Path(chosen.output), MODE, report.as_dict(), done=True)
    terminal.show_findings(report.findings, more=None if written is None else str(written))
    following = f"convert {quote(target)} --task semantic" if to == "labelme" else f"check {quote(target)}"
    rows = [*report.summary(), ("next", f"segcli {following}")]
    terminal.show_summary(MODE, rows, result=written)
    return EXIT_DONE


def _show(plan: ConversionPlan) -> int:
    terminal.show_findings(plan.findings)
    losses = plan.losses()
    lost = ", ".join(f"{what}: {count}" for what, count in losses.items()) or "nothing"
    rows = [*plan.summary(), ("would lose", lost)]
    refused = bool(plan.errors) or (bool(losses) and not plan.allow_lossy)
    terminal.show_summary(f"{MODE}: the plan, nothing is written", rows, good=not refused)
    return EXIT_DATASET_INVALID if refused else EXIT_DONE
