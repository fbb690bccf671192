"""The command `segcli`: one command per step, each the same function that main.py reaches.

Commands lie in the module of their group. Nothing heavy is imported here; a command imports what it needs when it runs.
"""

import json
from typing import Annotated

import typer

from segcli.cli.batching import add_batching
from segcli.cli.comparing import add_comparing
from segcli.cli.dataset import add_dataset
from segcli.cli.fixing import add_fixing
from segcli.cli.help import program
from segcli.cli.models import add_models
from segcli.cli.outlining import add_outlining
from segcli.cli.pipelines import add_pipelines
from segcli.cli.prompts import add_promptable
from segcli.cli.rules import add_rules
from segcli.cli.running import offer_json
from segcli.cli.serving import add_serving
from segcli.cli.suggesting import add_suggesting
from segcli.cli.tools import add_tools
from segcli.cli.trained import add_trained
from segcli.cli.training import add_training
from segcli.cli.tuning import add_tuning
from segcli.cli.weights import add_weights
from segcli.version import __version__

main = program(
    "segcli",
    "From a folder of labelled images to a checked, trained, measured, exported and served model.",
    add_completion=True,
)

DATA, MODEL, TOOLS = "A dataset", "A model", "Tools"
GROUPS = (
    (DATA, add_dataset),
    (DATA, add_fixing),
    (DATA, add_rules),
    (MODEL, add_training),
    (MODEL, add_tuning),
    (MODEL, add_trained),
    (MODEL, add_comparing),
    (MODEL, add_suggesting),
    (MODEL, add_outlining),
    (MODEL, add_promptable),
    (MODEL, add_pipelines),
    (MODEL, add_batching),
    (MODEL, add_serving),
    (TOOLS, add_models),
    (TOOLS, add_weights),
    (TOOLS, add_tools),
)
"""Each adds the commands of one module under a heading of the help, in this order."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segcli {__version__}")
        raise typer.Exit


def _help_json(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from segcli.cli.describe import describe

        typer.echo(json.dumps(describe(context.command, context), indent=2, ensure_ascii=False))
        raise typer.Exit


@main.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
    help_json: Annotated[
        bool,
        typer.Option("--help-json", callback=_help_json, is_eager=True, help="Describe all commands for programs."),
    ] = False,
) -> None:
    pass


for _heading, _add in GROUPS:
    _commands, _groups = len(main.registered_commands), len(main.registered_groups)
    _add(main)
    for _command in main.registered_commands[_commands:]:
        _command.rich_help_panel = _heading
    for _group in main.registered_groups[_groups:]:
        _group.rich_help_panel = _heading
offer_json(main)

if __name__ == "__main__":
    main()
