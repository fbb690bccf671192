"""The command that trains."""

from __future__ import annotations

from typing import Annotated

import typer

from segcli.cli.modes import mode_command, start
from segcli.cli.options import (
    SETTINGS,
    ConfigFile,
    DatasetArgument,
    DatasetOption,
    Debug,
    Device,
    Key,
    Model,
    Output,
    Overrides,
    PrintConfig,
)


def add_training(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    mode_command(main)(train)


def train(
    context: typer.Context,
    *,
    dataset: DatasetArgument = None,
    dataset_option: DatasetOption = None,
    model: Model = None,
    output: Output = None,
    device: Device = None,
    epochs_iters: Annotated[
        int | None,
        typer.Option(help="Iterations (semantic) or epochs (instance).", rich_help_panel=SETTINGS),
        Key("Train.epochs_iters"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images per step.", rich_help_panel=SETTINGS), Key("Train.batch_size")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Learning rate after the warm-up.", rich_help_panel=SETTINGS),
        Key("Train.learning_rate"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.", rich_help_panel=SETTINGS)
    ] = False,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Train a model; the best weights, their exported form, curves and a log go to the output folder."""
    start(context, "train", {"Train.resume_path": ("--resume", "last" if resume else None)})
