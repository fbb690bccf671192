"""The command that ranks images without labels."""

from pathlib import Path
from typing import Annotated

import typer

from segcli.cli.completion import complete_device
from segcli.cli.help import Command
from segcli.cli.options import SETTINGS, Debug, runtime_option
from segcli.cli.running import ResultPlace, report, run


def add_suggesting(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(suggest)


class SuggestOptions:
    """Options of `suggest`."""

    Output = Annotated[
        Path, typer.Option("--output", help="Folder of the training, and of the table.", rich_help_panel=SETTINGS)
    ]
    ModelDir = Annotated[
        Path | None,
        typer.Option(help="Folder of an exported model; else the one in the output.", rich_help_panel=SETTINGS),
    ]
    SaveDir = Annotated[
        Path | None,
        typer.Option(
            "--save-dir",
            help="Folder of the proposals, new or a LabelMe dataset; else OUTPUT/suggest.",
            rich_help_panel=SETTINGS,
        ),
    ]
    Count = Annotated[
        int | None,
        typer.Option("--count", help="Images to propose; else as many as are likely enough.", rich_help_panel=SETTINGS),
    ]
    Labelled = Annotated[
        Path | None,
        typer.Option(
            "--labelled",
            help="Dataset whose training images are known; else that of the training.",
            rich_help_panel=SETTINGS,
        ),
    ]
    Threshold = Annotated[
        float | None, typer.Option(help="Smallest score of a proposed object.", rich_help_panel=SETTINGS)
    ]
    Runtime = Annotated[
        str | None,
        runtime_option(SETTINGS),
    ]
    Device = Annotated[
        str, typer.Option(help="auto, cpu, gpu, ...", rich_help_panel=SETTINGS, autocompletion=complete_device)
    ]


def suggest(
    inputs: Annotated[
        list[str], typer.Argument(help="Images without labels: folders, globs, lists, videos.", metavar="FOLDER")
    ],
    *,
    output: SuggestOptions.Output = Path("output"),
    model_dir: SuggestOptions.ModelDir = None,
    save_dir: SuggestOptions.SaveDir = None,
    count: SuggestOptions.Count = None,
    labelled: SuggestOptions.Labelled = None,
    threshold: SuggestOptions.Threshold = None,
    runtime: SuggestOptions.Runtime = None,
    device: SuggestOptions.Device = "auto",
    debug: Debug = False,
) -> None:
    """Rank images without labels by what they would teach, and propose their labels as LabelMe files."""

    def work() -> int:
        from segcli.config.schema import PredictConfig
        from segcli.steps.predict.model import changed
        from segcli.steps.suggest.command import suggest as suggest_labels

        result = suggest_labels(
            inputs,
            model_dir or output / "best_model",
            output,
            save_dir=save_dir,
            labelled=labelled,
            count=count,
            settings=changed(PredictConfig(), {"threshold": threshold, "runtime": runtime}),
            device=device,
        )
        return report("suggest", result, output)

    run(work, debug=debug, place=ResultPlace(output, "suggest"))
