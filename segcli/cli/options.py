"""Options that several commands share, and the key of the configuration that an option sets.

An option of a mode carries `Key("Section.name")`; what it says in the help, the value it sets and the name by which
messages call it come from there.
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from segcli.cli.completion import complete_device, complete_model, complete_override, complete_rules, complete_runtime
from segcli.implied import TaskName
from segcli.runtimes import AUTO, OWN_NAMES

SOURCES, SETTINGS = "Where the settings come from", "Often changed settings"


class Key(NamedTuple):
    """The key of the configuration that an option sets.

    Attributes:
        name: Dotted name, e.g. ``Train.batch_size``.
    """

    name: str


def by_commas(values: list[str] | None) -> list[str] | None:
    """The parts of values that hold several with commas between."""
    parts = [part.strip() for value in values or () for part in value.split(",")]
    return [part for part in parts if part] or None


def runtime_option(panel: str) -> Any:
    """`--runtime` of a command, under a heading of its help; runtimes of plug-ins are completed, not listed."""
    names = ", ".join((AUTO, *OWN_NAMES))
    return typer.Option("--runtime", help=f"{names}.", rich_help_panel=panel, autocompletion=complete_runtime)


ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="YAML in PaddleX's structure.", rich_help_panel=SOURCES)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        "-o",
        metavar="KEY=VALUE",
        help="Any other key; repeatable.",
        rich_help_panel=SOURCES,
        autocompletion=complete_override,
    ),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Show every value and where it came from.", rich_help_panel=SOURCES)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and details.")]
Output = Annotated[
    str | None,
    typer.Option("--output", help="Folder for all that is written.", rich_help_panel=SETTINGS),
    Key("Global.output"),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="auto, cpu, gpu, gpu:0,1, ...", rich_help_panel=SETTINGS, autocompletion=complete_device
    ),
    Key("Global.device"),
]
PlainDevice = Annotated[
    str | None, typer.Option("--device", help="auto, cpu, gpu, gpu:0, ...", autocompletion=complete_device)
]
"""Of commands that are no modes."""
Model = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="A name of `segcli models`.", rich_help_panel=SETTINGS, autocompletion=complete_model
    ),
    Key("Global.model"),
]
DatasetArgument = Annotated[
    str | None, typer.Argument(help="Folder of the dataset.", metavar="DATASET"), Key("Global.dataset_dir")
]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="The same as DATASET.", hidden=True), Key("Global.dataset_dir")
]
TaskOption = Annotated[
    TaskName | None,
    typer.Option("--task", help="What the labels are for; else what the folder holds.", rich_help_panel=SETTINGS),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="RULES",
        help="Report these rules only, by id or its beginning: S2,C1.",
        callback=by_commas,
        autocompletion=complete_rules,
    ),
    Key("CheckDataset.select"),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="RULES",
        help="Leave these rules out, likewise.",
        callback=by_commas,
        autocompletion=complete_rules,
    ),
    Key("CheckDataset.ignore"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; write nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take the last change of this dataset back.")]
