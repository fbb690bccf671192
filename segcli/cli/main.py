"""The command `segcli`: one command per step, each the same function that main.py reaches.

Commands lie in the module of their group, which is imported when one of them is called; nothing heavy is imported here.
"""

import json
from typing import Annotated

import typer

from segcli.cli.help import program
from segcli.cli.late_commands import CommandRow, late_group
from segcli.version import __version__

DATA, MODEL, TOOLS = "A dataset", "A model", "Tools"
ROWS = (
    CommandRow(DATA, "segcli.cli.dataset:add_check", ("check",)),
    CommandRow(DATA, "segcli.cli.dataset:add_convert", ("convert",)),
    CommandRow(DATA, "segcli.cli.dataset:add_split", ("split",)),
    CommandRow(DATA, "segcli.cli.fixing:add_fixing", ("fix", "undo")),
    CommandRow(DATA, "segcli.cli.rules:add_rules", ("rule",)),
    CommandRow(MODEL, "segcli.cli.training:add_train", ("train",)),
    CommandRow(MODEL, "segcli.cli.training:add_init", ("init",)),
    CommandRow(MODEL, "segcli.cli.tuning:add_tuning", ("tune",)),
    CommandRow(MODEL, "segcli.cli.trained:add_evaluate", ("evaluate",)),
    CommandRow(MODEL, "segcli.cli.trained:add_export", ("export",)),
    CommandRow(MODEL, "segcli.cli.trained:add_predict", ("predict",)),
    CommandRow(MODEL, "segcli.cli.comparing:add_comparing", ("compare",)),
    CommandRow(MODEL, "segcli.cli.suggesting:add_suggesting", ("suggest",)),
    CommandRow(MODEL, "segcli.cli.outlining:add_outlining", ("outline",)),
    CommandRow(MODEL, "segcli.cli.prompts:add_promptable", ("embed",)),
    CommandRow(MODEL, "segcli.cli.pipelines:add_pipelines", ("pipeline",)),
    CommandRow(MODEL, "segcli.cli.batching:add_batching", ("batch",)),
    CommandRow(MODEL, "segcli.cli.serving:add_serving", ("serve",)),
    CommandRow(TOOLS, "segcli.cli.tools:add_tools", ("demo", "doctor")),
    CommandRow(TOOLS, "segcli.cli.models:add_models", ("models",)),
    CommandRow(TOOLS, "segcli.cli.weights:add_weights", ("weights",)),
)
"""Every command, in the order of the help."""

main = program(
    "segcli",
    "From a folder of labelled images to a checked, trained, measured, exported and served model.",
    cls=late_group(ROWS),
    add_completion=True,
)


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


if __name__ == "__main__":
    main()
