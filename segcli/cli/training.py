"""The commands that plan and train."""

from pathlib import Path
from typing import Annotated

import typer

from segcli.cli.modes import AT_END, OF_RUN, ON_DATASET, end_with, folder_of, given, mode_command, start
from segcli.cli.options import (
    SETTINGS,
    Device,
    Key,
    TaskOption,
)
from segcli.implied import model_of_weights, model_to_plan, run_config

Time = Annotated[
    str | None,
    typer.Option(help="How long the training may take, such as 10m or 2h.", rich_help_panel=SETTINGS),
    Key("Train.time"),
]


def add_train(main: typer.Typer) -> None:
    """Adds `train` to the main command."""
    mode_command(main)(train)


def add_init(main: typer.Typer) -> None:
    """Adds `init` to the main command."""
    of_plan = {"override": AT_END["override"], "debug": AT_END["debug"]}
    mode_command(main, first={**ON_DATASET, "model": OF_RUN["model"]}, last=of_plan)(init)


def train(
    context: typer.Context,
    *,
    task: TaskOption = None,
    device: Device = None,
    time: Time = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be chosen, and why, without training.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Draw augmented training images into preview.png, without training.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Cross-validate: train this number of folds.", rich_help_panel=SETTINGS),
        Key("Train.folds"),
    ] = None,
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
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="Weights to begin with: a file, an official name, a URL; else official ones, else random.",
            rich_help_panel=SETTINGS,
        ),
        Key("Train.pretrain_weight_path"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.", rich_help_panel=SETTINGS)
    ] = False,
) -> None:
    """Train a model; settings that are not given are planned from the data, the device and the time.

    The best weights, their exported form, curves and a log go to the output folder.
    """
    values = {
        **({} if resume else model_to_plan(folder_of(context), task, context.params["config"])),
        **model_of_weights(weights if context.params["config"] is None else None),
        "Train.resume_path": ("--resume", "last" if resume else None),
    }
    if not plan and not preview:
        start(context, "train", values)
    from segcli.cli.plans import draw_preview, show_training_plan

    options = given(context, "train", values)
    called = context.params
    path = called["config"] or run_config("train", options)
    work = show_training_plan if plan else draw_preview
    end_with(context, lambda: work(path, called["override"] or (), options))


def init(
    context: typer.Context,
    *,
    task: TaskOption = None,
    device: Device = None,
    time: Time = None,
    to: Annotated[Path, typer.Option(help="File to write.")] = Path("segcli.yaml"),
) -> None:
    """Plan a training and write it as a configuration, each value under the reason for it."""
    from segcli.cli.plans import write_planned

    options = given(context, "train", model_to_plan(folder_of(context), task, None))
    end_with(context, lambda: write_planned(to, context.params["override"] or (), options))
