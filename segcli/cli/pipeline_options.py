"""Options of `segcli pipeline`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from segcli.cli.options import PlainDevice, runtime_option
from segcli.cli.prompts import PANEL

_ENGINE = "Runtime"


class PipelineOptions:
    """Options of `pipeline`: PaddleX's flags, and ours."""

    ByFlag = Annotated[str | None, typer.Option("--pipeline", help="The same as NAME.", hidden=True)]
    Inputs = Annotated[
        list[str] | None, typer.Option("--input", help="Image, folder, glob, list, PDF, URL or - (stdin); repeatable.")
    ]
    SavePath = Annotated[
        Path | None, typer.Option("--save_path", "--save-path", help="Folder of the results; else `output`.")
    ]
    Device: TypeAlias = PlainDevice
    ModelDir = Annotated[
        str | None, typer.Option("--model_dir", "--model-dir", help="The model; without it the official weights.")
    ]
    TargetSize = Annotated[
        str | None,
        typer.Option("--target_size", "--target-size", help="Semantic: a side, WIDTH,HEIGHT, or -1 for the own size."),
    ]
    Threshold = Annotated[float | None, typer.Option("--threshold", help="Smallest score of an object.")]
    PromptType = Annotated[
        str | None,
        typer.Option("--prompt_type", "--prompt-type", help="box or point, as in PaddleX.", rich_help_panel=PANEL),
    ]
    Prompt = Annotated[
        str | None,
        typer.Option(
            "--prompt", help="A list of boxes x1,y1,x2,y2 or of points x,y, as in PaddleX.", rich_help_panel=PANEL
        ),
    ]
    Engine = Annotated[
        str | None, typer.Option("--engine", help="PaddleX's choice of runtime.", rich_help_panel=_ENGINE)
    ]
    UseHpip = Annotated[
        bool | None,
        typer.Option(
            "--use_hpip/--no_use_hpip",
            "--use-hpip/--no-use-hpip",
            help="The fastest runtime, as in PaddleX.",
            rich_help_panel=_ENGINE,
        ),
    ]
    HpiConfig = Annotated[
        str | None,
        typer.Option(
            "--hpi_config",
            "--hpi-config",
            help="Options of the fastest runtime, as in PaddleX: JSON.",
            rich_help_panel=_ENGINE,
        ),
    ]
    Runtime = Annotated[str | None, runtime_option(_ENGINE)]
    GetConfig = Annotated[
        str | None,
        typer.Option("--get_pipeline_config", "--get-pipeline-config", metavar="NAME", help="Write a pipeline's YAML."),
    ]
