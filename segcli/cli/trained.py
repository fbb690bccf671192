"""The commands on a trained model: evaluate, export, predict."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from segcli.cli.completion import complete_model_format
from segcli.cli.help import Command
from segcli.cli.modes import OF_RUN, Given, folder_of, implied_by, mode_command, overridden, start
from segcli.cli.options import (
    SETTINGS,
    Device,
    Key,
    by_commas,
)
from segcli.cli.predict_options import PredictOptions
from segcli.cli.prompts import PromptOptions, prompts_from
from segcli.implied import model_in, model_of_known_weights, model_to_check
from segcli.runtimes import OWN_FORMATS

_WEIGHTS = "Trained weights; without it the best of the output."
_FORMS = ("compact", "full")


def add_evaluate(main: typer.Typer) -> None:
    """Adds `evaluate` to the main command."""
    mode_command(main)(evaluate)


def add_export(main: typer.Typer) -> None:
    """Adds `export` to the main command."""
    mode_command(main)(export)


def add_predict(main: typer.Typer) -> None:
    """Adds `predict` to the main command."""
    mode_command(main, first=OF_RUN, cls=PredictCommand)(predict)


class PredictCommand(Command):
    """`predict`, which still understands ``--json full``, now ``--masks full``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments."""
        forms = [place for place in range(len(args) - 1) if args[place] == "--json" and args[place + 1] in _FORMS]
        args = [("--masks" if place in forms else word) for place, word in enumerate(args)]
        return super().parse_args(ctx, args)


def evaluate(
    context: typer.Context,
    *,
    weights: Annotated[
        str | None, typer.Option("--weights", help=_WEIGHTS, rich_help_panel=SETTINGS), Key("Evaluate.weight_path")
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            "--predictions",
            help="Label maps, COCO results or YOLO files of any tool instead of a model.",
            rich_help_panel=SETTINGS,
        ),
        Key("Evaluate.predictions"),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="NAME=VALUE",
            help="Exit code 1 below a value, such as mIoU=0.8; repeatable.",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    device: Device = None,
) -> None:
    """Measure trained weights, or predictions in files, on the validation split, class by class."""
    called = context.params
    unnamed = called["model"] is None and called["config"] is None
    predictions = overridden(context, "Evaluate.predictions") or predictions
    weights = overridden(context, "Evaluate.weight_path") or weights
    implied = model_to_check(folder_of(context), None, None) if unnamed and predictions else {}
    implied |= _model_of(context, weights) if unnamed else {}
    start(context, "evaluate", {**implied, "Evaluate.fail_under": ("--fail-under", _least_values(fail_under))})


def _model_of(context: typer.Context, weights: str | None) -> Given:
    return {} if weights is None else implied_by(context, partial(model_of_known_weights, weights))


def _least_values(texts: list[str] | None) -> dict[str, float] | None:
    """Least values by name, of texts such as ``mIoU=0.8``."""
    if not texts:
        return None
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not like mIoU=0.8", param_hint="--fail-under") from None
    return found


def export(
    context: typer.Context,
    *,
    weights: Annotated[
        str | None, typer.Option("--weights", help=_WEIGHTS, rich_help_panel=SETTINGS), Key("Export.weight_path")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            callback=by_commas,
            help=f"Form of the model: {', '.join(OWN_FORMATS)}; repeatable.",
            rich_help_panel=SETTINGS,
            autocompletion=complete_model_format,
        ),
        Key("Export.formats"),
    ] = None,
) -> None:
    """Write the inference model and compare it with the trained network on images of the dataset."""
    unnamed = context.params["model"] is None and context.params["config"] is None
    weights = overridden(context, "Export.weight_path") or weights
    start(context, "export", _model_of(context, weights) if unnamed else {})


def predict(
    context: typer.Context,
    *,
    inputs: PredictOptions.Inputs,
    model_dir: PredictOptions.ModelDir = None,
    save_dir: PredictOptions.SaveDir = None,
    device: Device = None,
    batch_size: PredictOptions.BatchSize = None,
    runtime: PredictOptions.Runtime = None,
    threshold: PredictOptions.Threshold = None,
    masks: PredictOptions.Masks = None,
    skip_existing: PredictOptions.SkipExisting = None,
    frame_step: PredictOptions.FrameStep = None,
    write: PredictOptions.Write = None,
    weights: PredictOptions.Weights = None,
    box: PromptOptions.Box = None,
    point: PromptOptions.Point = None,
    text: PromptOptions.Text = None,
    background: PromptOptions.Background = None,
    prompts: PromptOptions.File = None,
    multimask: PromptOptions.Multimask = None,
    everything: PromptOptions.Everything = False,
    cache: PromptOptions.Cache = None,
    save: PromptOptions.Save = None,
    formats: PromptOptions.Formats = None,
) -> None:
    """Segment images with an exported model; a promptable one takes boxes, points or texts as prompts."""
    values = {
        "Predict.input": ("INPUT", inputs[0] if len(inputs) == 1 else inputs),
        "Predict.model_dir": ("--weights", weights),
        "Predict.prompts": ("--prompts", prompts_from(box, point, text, prompts)),
        "Predict.save_dir": ("segcli predict", str(Path(context.params["output"] or "output") / "predict")),
        "Global.model": ("--model-dir", model_in(overridden(context, "Predict.model_dir") or model_dir)),
    }
    start(context, "predict", values)
