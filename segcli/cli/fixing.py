"""`segcli fix` and `segcli undo`: repairs of a dataset, and the way back from any change of it."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segcli import terminal
from segcli.cli.changes import take_back
from segcli.cli.completion import complete_rules
from segcli.cli.help import Command
from segcli.cli.options import Debug, DryRun, TaskOption, by_commas
from segcli.cli.running import ResultPlace, run
from segcli.errors import EXIT_DONE, EXIT_FAILED, UsageError
from segcli.implied import TaskName, task_in
from segcli.plurals import counted

if TYPE_CHECKING:
    from segcli.steps.fix.plan import FixPlan, FixReport

_SHOWN = 30
Dataset = Annotated[str, typer.Argument(help="Folder of the dataset.", metavar="DATASET")]


def add_fixing(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.command(cls=Command)(fix)
    main.command(cls=Command)(undo)


def fix(
    dataset: Dataset,
    *,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="RULES",
            help="Rules to repair, by id or its beginning: S302,C1.",
            callback=by_commas,
            autocompletion=complete_rules,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the files are changed.")] = False,
    dry_run: DryRun = False,
    task: TaskOption = None,
    classes: Annotated[int | None, typer.Option("--num-classes", min=1, help="As Train.num_classes.")] = None,
    output: Annotated[str, typer.Option("--output", help="Folder for fix_result.json.")] = "output",
    debug: Debug = False,
) -> None:
    """Repair what the check finds and a program can repair; `segcli undo` takes it back to the byte."""
    run(
        lambda: _fix(Path(dataset), task, classes, select or [], Path(output), yes=yes, dry_run=dry_run),
        debug=debug,
        place=None if dry_run else ResultPlace(Path(output), "fix"),
    )


def undo(dataset: Dataset = ".", *, debug: Debug = False) -> None:
    """Take the last change of a dataset back: a convert, a split or a fix, to the byte."""
    run(lambda: take_back(dataset), debug=debug)


def _fix(
    dataset: Path,
    named: TaskName | None,
    classes: int | None,
    select: list[str],
    output: Path,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    from segcli.data.changes.transaction import recover
    from segcli.results import write_result
    from segcli.steps.fix.command import apply_fix, plan_fix, root_of

    task = task_in(dataset, named)
    if not dry_run:
        recover(root_of(dataset, task, select))
    plan = plan_fix(dataset, task, num_classes=classes, select=select)
    _show_plan(plan)
    if dry_run or not plan.draft.changed:
        return EXIT_DONE
    if not yes and not _agreed(plan):
        terminal.show_failure("nothing was changed")
        return EXIT_FAILED
    report = apply_fix(plan, num_classes=classes)
    result = write_result(output, "fix", report.as_dict(), done=True)
    terminal.show_summary("fix", [*report.summary(), *_next(report, dataset)], result=result)
    return EXIT_DONE


def _show_plan(plan: "FixPlan") -> None:
    rows = plan.rows()
    if rows:
        terminal.show_table(counted(len(rows), "repair"), ("rule", "where", "what"), rows[:_SHOWN], key="repairs")
    if len(rows) > _SHOWN:
        terminal.show_text(f"... and {len(rows) - _SHOWN} more\n")
    title = "fix: nothing could be repaired" if plan.left else "fix: there is nothing to repair"
    if plan.draft.changed:
        title = "fix: the plan, nothing is written yet"
    terminal.show_summary(title, plan.summary(), good=bool(plan.draft.changed or not plan.left))


def _agreed(plan: "FixPlan") -> bool:
    if not sys.stdin.isatty():
        raise UsageError("the question needs a terminal", path=plan.root, hint="add --yes, or --dry-run")
    files = counted(len(plan.draft.changed), "file")
    return typer.confirm(f"Change {files}? Originals are kept, `segcli undo` takes it back")


def _next(report: "FixReport", dataset: Path) -> list[tuple[str, str]]:
    """What to type for the findings that have a repair and were not tried."""
    from segcli.steps.fix.table import REPAIRS

    tried = {(found.code, found.path) for found in report.plan.repairable}
    more = sum(found.code in REPAIRS and (found.code, found.path) not in tried for found in report.findings)
    what = f"{counted(more, 'further finding')} can be repaired: {shlex.join(['segcli', 'fix', str(dataset)])}"
    return [("next", what)] if more else []
