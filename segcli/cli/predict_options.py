"""Options of `segcli predict`."""

from __future__ import annotations

from typing import Annotated

import typer

from segcli.cli.completion import complete_masks, complete_written
from segcli.cli.options import SETTINGS, Key, by_commas, runtime_option


class PredictOptions:
    """Options of `predict` for all models; those for prompts are `segcli.cli.prompts.PromptOptions`."""

    Inputs = Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, globs, lists, URLs, videos, camera:0, rtsp://..., - (stdin).", metavar="INPUT"
        ),
    ]
    ModelDir = Annotated[
        str | None,
        typer.Option(help="Folder of an exported model; else the one in the output.", rich_help_panel=SETTINGS),
        Key("Predict.model_dir"),
    ]
    SaveDir = Annotated[
        str | None,
        typer.Option("--save-dir", help="Folder of the results; else OUTPUT/predict.", rich_help_panel=SETTINGS),
        Key("Predict.save_dir"),
    ]
    BatchSize = Annotated[
        int | None, typer.Option(help="Images per batch.", rich_help_panel=SETTINGS), Key("Predict.batch_size")
    ]
    Runtime = Annotated[
        str | None,
        runtime_option(SETTINGS),
        Key("Predict.runtime"),
    ]
    Threshold = Annotated[
        float | None,
        typer.Option(help="Smallest score of an object.", rich_help_panel=SETTINGS),
        Key("Predict.threshold"),
    ]
    Masks = Annotated[
        str | None,
        typer.Option(
            "--masks",
            help="Masks in the JSON: compact, or full: every pixel as in PaddleX.",
            rich_help_panel=SETTINGS,
            autocompletion=complete_masks,
        ),
        Key("Predict.json_form"),
    ]
    SkipExisting = Annotated[
        bool | None,
        typer.Option(
            "--skip-existing",
            help="Leave out images whose results are there: go on with a stopped run.",
            rich_help_panel=SETTINGS,
        ),
        Key("Predict.skip_existing"),
    ]
    Write = Annotated[
        list[str] | None,
        typer.Option(
            "--write",
            metavar="FILES",
            callback=by_commas,
            help="Files beside the JSON: label, coco, labelme, yolo, geojson, confidence, entropy, overlay.",
            rich_help_panel=SETTINGS,
            autocompletion=complete_written,
        ),
        Key("Predict.write"),
    ]
    FrameStep = Annotated[
        int | None,
        typer.Option(help="Of a video or stream, take every so many frames one.", rich_help_panel=SETTINGS),
        Key("Predict.frame_step"),
    ]
    Weights = Annotated[
        str | None, typer.Option("--weights", help="A weight file of a promptable model.", rich_help_panel=SETTINGS)
    ]
