"""The command that turns boxes and clicks into outlines."""

from pathlib import Path
from typing import Annotated

import typer

from segcli.cli.completion import complete_device, complete_model
from segcli.cli.help import Command
from segcli.cli.options import SETTINGS, Debug, runtime_option
from segcli.cli.running import ResultPlace, report, run


def add_outlining(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(outline)


def outline(
    dataset: Annotated[Path, typer.Argument(help="Folder with LabelMe files.", metavar="DATASET")],
    *,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A model of Segment Anything.",
            rich_help_panel=SETTINGS,
            autocompletion=complete_model,
        ),
    ] = "SAM-B",
    model_dir: Annotated[
        Path | None,
        typer.Option(help="Its exported folder or weights; else the official ones.", rich_help_panel=SETTINGS),
    ] = None,
    runtime: Annotated[
        str,
        runtime_option(SETTINGS),
    ] = "auto",
    device: Annotated[
        str, typer.Option(help="cpu, gpu:0, ...", rich_help_panel=SETTINGS, autocompletion=complete_device)
    ] = "cpu",
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the result file.", rich_help_panel=SETTINGS)
    ] = Path("output"),
    debug: Debug = False,
) -> None:
    """Turn the rectangles and points of LabelMe files into outlines; `segcli undo` takes it back."""

    def work() -> int:
        from segcli.steps.outline.command import outline as outline_objects

        result = outline_objects(dataset, model, model_dir, runtime=runtime, device=device)
        return report("outline", result, output)

    run(work, debug=debug, place=ResultPlace(output, "outline"))
