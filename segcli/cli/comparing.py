"""The command that compares."""

from pathlib import Path
from typing import Annotated

import typer

from segcli.cli.completion import complete_device, complete_override
from segcli.cli.help import Command
from segcli.cli.options import SETTINGS, SOURCES, Debug
from segcli.cli.running import ResultPlace, report, run


def add_comparing(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(compare)


def compare(
    contenders: Annotated[
        list[str],
        typer.Argument(
            help="Trainings' folders, weights, exports or predictions, the first against each other; "
            "runs of one kind, such as seeds, with commas between.",
            metavar="A B",
        ),
    ],
    *,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="Folder of the dataset; else that of the trainings.", rich_help_panel=SETTINGS),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the result and the page.", rich_help_panel=SETTINGS)
    ] = Path("output/compare"),
    device: Annotated[
        str | None,
        typer.Option(
            "--device", help="auto, cpu, gpu, gpu:0,1, ...", rich_help_panel=SETTINGS, autocompletion=complete_device
        ),
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(
            "--override",
            "-o",
            metavar="KEY=VALUE",
            help="A key for all of them; repeatable.",
            rich_help_panel=SOURCES,
            autocompletion=complete_override,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Compare models or predictions on the same images: the difference with its interval, and a verdict."""

    def work() -> int:
        from segcli.steps.compare.command import compare as compare_all

        groups = [[part for part in one.split(",") if part] for one in contenders]
        result = compare_all(groups, output, dataset=dataset, overrides=override or (), device=device)
        return report("compare", result, output, [("page", result.page)])

    run(work, debug=debug, place=ResultPlace(output, "compare"))
