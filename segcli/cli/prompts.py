"""What the command line has for promptable models: options of `predict`, and the command `embed`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segcli import terminal
from segcli.cli.completion import complete_promptable, complete_saved
from segcli.cli.help import Command
from segcli.cli.options import Debug, Key
from segcli.cli.running import refuse, run

PANEL = "Promptable models (SAM, LSeg)"


class PromptOptions:
    """Options of `predict` that prompt a promptable model."""

    Box = Annotated[
        list[str] | None,
        typer.Option("--box", metavar="X1,Y1,X2,Y2", help="A box, one object; repeatable.", rich_help_panel=PANEL),
    ]
    Point = Annotated[
        list[str] | None,
        typer.Option(
            "--point",
            metavar="X,Y[,0|1]",
            help="A point on the object (1) or beside it (0); with --box it refines that box; repeatable.",
            rich_help_panel=PANEL,
        ),
    ]
    Text = Annotated[
        list[str] | None, typer.Option("--text", help="What to look for; repeatable.", rich_help_panel=PANEL)
    ]
    Background = Annotated[
        str | None,
        typer.Option("--background", help="Text for the background: all that no prompt names.", rich_help_panel=PANEL),
        Key("Predict.promptable.background"),
    ]
    File = Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="Prompts by image: ours, LabelMe, COCO, or the results of a detector; a file or a folder.",
            rich_help_panel=PANEL,
        ),
    ]
    Multimask = Annotated[
        str | None,
        typer.Option("--multimask", help="auto, best, all, single.", rich_help_panel=PANEL),
        Key("Predict.promptable.multimask"),
    ]
    Everything = Annotated[
        bool,
        typer.Option("--everything", help="Find all things without prompts.", rich_help_panel=PANEL),
        Key("Predict.promptable.everything"),
    ]
    Cache = Annotated[
        str | None,
        typer.Option("--cache", help="Folder in which embeddings are cached.", rich_help_panel=PANEL),
        Key("Predict.promptable.cache_dir"),
    ]
    Save = Annotated[
        list[str] | None,
        typer.Option(
            "--save",
            metavar="FILES",
            help="What to write: overlay, png, labelme, coco; repeatable.",
            rich_help_panel=PANEL,
            autocompletion=complete_saved,
        ),
        Key("Predict.promptable.formats"),
    ]
    Formats = Annotated[
        list[str] | None,
        typer.Option("--format", help="The same as --save.", hidden=True),
        Key("Predict.promptable.formats"),
    ]


def prompts_from(
    boxes: list[str] | None, points: list[str] | None, texts: list[str] | None, file: Path | None
) -> dict[str, Any] | str | None:
    """The value of `Predict.prompts` that the options mean; None without any.

    Raises:
        typer.Exit: An option cannot be read; what is wrong was shown.
    """
    if not (boxes or points or texts):
        return None if file is None else str(file)
    from segcli.errors import UsageError
    from segcli.promptable.prompt_parsing import parse_options

    try:
        if file is not None:
            raise UsageError("--prompts and --box, --point, --text exclude each other", hint="put all into the file")
        objects = parse_options(boxes or (), points or (), texts or ())
    except UsageError as error:
        refuse(error)
    entries = []
    for prompt in objects:
        entry: dict[str, Any] = {}
        if prompt.box is not None:
            entry["box"] = list(prompt.box)
        if prompt.points:
            entry["points"] = [[point.x, point.y, point.label] for point in prompt.points]
        if prompt.text is not None:
            entry["text"] = prompt.text
        entries.append(entry)
    return {"objects": entries}


def add_promptable(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.command(cls=Command)(embed)


def embed(
    *,
    inputs: Annotated[list[str], typer.Argument(help="Images, folders, globs or lists.", metavar="INPUT")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A promptable model of `segcli models`; else that of the folder.",
            autocompletion=complete_promptable,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", "--model-dir", help="A weight file, or the folder of an exported model."),
    ] = None,
    cache: Annotated[str, typer.Option("--cache", help="Folder of the embeddings.")] = "output/embeddings",
    device: Annotated[str, typer.Option("--device", help="cpu, gpu, gpu:0, ...")] = "cpu",
    debug: Debug = False,
) -> None:
    """Encode images ahead, so that `predict --cache` answers prompts on them at once."""

    def work() -> int:
        from segcli.errors import EXIT_DONE, EXIT_FAILED, UsageError
        from segcli.implied import model_in
        from segcli.steps.predict.embed import embed as encode
        from segcli.weights.guest_home import exported_in

        source = inputs[0] if len(inputs) == 1 else inputs
        place = exported_in(Path(weights or "output/best_model/inference").expanduser())
        named = model or model_in(str(place))
        if named is None:
            raise UsageError(
                f"--model is missing, as {place} holds no exported model",
                hint="--model NAME --weights FILE; or --model-dir FOLDER with an exported model",
            )
        result = encode(source, named, place, Path(cache), device=device)
        terminal.show_summary("embed", result.summary(), good=result.complete)
        return EXIT_DONE if result.complete else EXIT_FAILED

    run(work, debug=debug)
