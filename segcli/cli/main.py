"""The command `segcli`: one command a step, each the same function that main.py reaches.

Commands lie in the module of their group. Nothing heavy is imported here; a command imports what it needs when it runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

from segcli.cli.dataset import add_dataset
from segcli.cli.fixing import add_fixing
from segcli.cli.prompts import add_promptable
from segcli.cli.rules import add_rules
from segcli.cli.running import offer_json
from segcli.cli.tools import add_tools
from segcli.cli.trained import add_trained
from segcli.cli.training import add_training
from segcli.cli.weights import add_weights
from segcli.version import __version__

main = typer.Typer(
    name="segcli",
    help="From a folder of labelled images to a checked, trained, measured, exported and served model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

GROUPS = (add_dataset, add_fixing, add_rules, add_training, add_trained, add_promptable, add_weights, add_tools)
"""Each adds the commands of one module, in the order of the help."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segcli {__version__}")
        raise typer.Exit


@main.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


for _add in GROUPS:
    _add(main)
offer_json(main)

if __name__ == "__main__":
    main()
