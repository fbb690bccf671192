"""The commands on a dataset: check, convert, split."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from segcli.cli.changes import may_replace, show_plan, take_back
from segcli.cli.completion import complete_dataset_format
from segcli.cli.modes import end_with, folder_of, given, mode_command, start
from segcli.cli.options import (
    DatasetArgument,
    DryRun,
    Ignore,
    Key,
    Select,
    TaskOption,
    Undo,
)
from segcli.cli.running import ResultPlace, run
from segcli.cli.transfer import MODE, Chosen, transfer
from segcli.implied import model_to_check


def add_check(main: typer.Typer) -> None:
    """Adds `check` to the main command."""
    mode_command(main)(check)


def add_convert(main: typer.Typer) -> None:
    """Adds `convert` to the main command."""
    mode_command(main)(convert)


def add_split(main: typer.Typer) -> None:
    """Adds `split` to the main command."""
    mode_command(main)(split)


def check(
    context: typer.Context,
    *,
    select: Select = None,
    ignore: Ignore = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A warning fails the check too."), Key("CheckDataset.strict")
    ] = False,
    sarif: Annotated[
        str | None,
        typer.Option(help="Write the findings as SARIF too.", metavar="FILE"),
        Key("CheckDataset.sarif"),
    ] = None,
    with_model: Annotated[
        str | None,
        typer.Option(help="Rank labels by how much this exported model doubts them.", metavar="FOLDER"),
        Key("CheckDataset.with_model"),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Decode some images of each split; of the others read headers alone."),
        Key("CheckDataset.quick"),
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Decode files again that have not changed since the last check.")
    ] = False,
    task: TaskOption = None,
) -> None:
    """Check every image and label of a dataset, and list all faults."""
    values = model_to_check(folder_of(context), task, context.params["config"])
    if no_cache:
        values["CheckDataset.reuse"] = ("--no-cache", False)
    start(context, "check_dataset", values)


def convert(
    context: typer.Context,
    *,
    dataset: DatasetArgument = None,
    target: Annotated[
        str | None,
        typer.Argument(help="A new folder; without it LabelMe data are converted in place.", metavar="TARGET"),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Format in the new folder: coco, labelme, masks, yolo, voc.",
            autocompletion=complete_dataset_format,
        ),
    ] = None,
    allow_lossy: Annotated[
        bool, typer.Option("--allow-lossy", help="Write it although the format cannot say all; list what is lost.")
    ] = False,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Leave out single faulty objects and files, and list them.")
    ] = False,
    dry_run: DryRun = False,
    undo: Undo = False,
    task: TaskOption = None,
) -> None:
    """Convert a dataset: into another format in a new folder, or a LabelMe dataset in place, which is then checked."""
    if target is not None or to is not None:
        called = context.params
        source = dataset or called["dataset_option"]

        def work() -> int:
            chosen = Chosen(allow_lossy=allow_lossy, skip_faulty=skip_faulty, dry_run=dry_run, output=called["output"])
            return transfer(source, target, to, chosen)

        place = None if dry_run or called["output"] is None else ResultPlace(Path(called["output"]), MODE)
        run(work, debug=called["debug"], place=place)
    values = {"CheckDataset.convert.enable": True, "CheckDataset.convert.src_dataset_type": "LabelMe"}
    if skip_faulty:
        values["CheckDataset.convert.skip_faulty"] = True
    _change(context, values, model_to_check(folder_of(context), task, context.params["config"]))


def split(
    context: typer.Context,
    *,
    train_percent: Annotated[
        int | None, typer.Option(min=1, max=99, help="Share of the training split; 80 less that of the test split.")
    ] = None,
    test_percent: Annotated[int, typer.Option(min=0, max=98, help="Share of a test split, set aside.")] = 0,
    stratified: Annotated[
        bool,
        typer.Option("--stratified", help="Give each split its share of every class."),
        Key("CheckDataset.split.stratified"),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Write this number of folds into folds/ instead."),
        Key("CheckDataset.split.folds"),
    ] = None,
    by_folder: Annotated[
        bool,
        typer.Option("--by-folder", help="Keep the images of one folder together."),
        Key("CheckDataset.groups.by_folder"),
    ] = False,
    group_pattern: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Keep images together by a part of their names: '(patient[0-9]+)_'."),
        Key("CheckDataset.groups.pattern"),
    ] = None,
    group_table: Annotated[
        str | None,
        typer.Option(metavar="CSV", help="Keep images together by a table of image and group."),
        Key("CheckDataset.groups.table"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shuffle.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace lists made by hand, without asking.")] = False,
    dry_run: DryRun = False,
    undo: Undo = False,
    task: TaskOption = None,
) -> None:
    """Split a dataset anew into train, val and test, or into folds, then check it; the old lists are kept."""
    train = max(80 - test_percent, 1) if train_percent is None else train_percent
    if train + test_percent > 100:
        raise typer.BadParameter(f"--train-percent {train} and --test-percent {test_percent} make more than 100")
    values = {"CheckDataset.split.enable": True, "CheckDataset.split.seed": seed, "CheckDataset.split.replace": yes}
    if folds is None:
        shares = {"train": train, "val": 100 - train - test_percent, "test": test_percent}
        values |= {f"CheckDataset.split.{name}_percent": share for name, share in shares.items()}
    of_task = model_to_check(folder_of(context), task, context.params["config"])
    if not (yes or dry_run or undo) and sys.stdin.isatty():
        settings = {key: ("segcli split", value) for key, value in values.items()}
        options = given(context, "check_dataset", {**of_task, **settings})
        values["CheckDataset.split.replace"] = may_replace(
            context.params["config"], context.params["override"] or (), options
        )
    _change(context, values, of_task)


def _change(context: typer.Context, values: dict[str, Any], of_task: dict[str, tuple[str, Any]]) -> None:
    """Changes a dataset, or shows the plan, or takes the last change back."""
    command, called = str(context.command.name), context.params
    settings = {**of_task, **{key: (f"segcli {command}", value) for key, value in values.items()}}
    options = given(context, "check_dataset", settings)
    if called["undo"]:
        folder = options.get("Global.dataset_dir", ("", "."))[1]
        end_with(context, lambda: take_back(folder))
    if called["dry_run"]:
        overrides = called["override"] or ()
        end_with(context, lambda: show_plan(command, called["config"], overrides, options))
    start(context, "check_dataset", settings)
