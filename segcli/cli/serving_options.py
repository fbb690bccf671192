"""Options of `segcli serve`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from segcli.cli.completion import complete_pipeline
from segcli.cli.options import PlainDevice, runtime_option

_LIMITS, _SPEED = "What clients may send", "Speed"
TOKEN_VARIABLE = "SEGCLI_TOKEN"


class ServeOptions:
    """Options of `serve`."""

    Source = Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PIPELINE",
            help="Names, YAML files or model folders, each alone or NAME=SOURCE.",
            autocompletion=complete_pipeline,
        ),
    ]
    Pipeline = Annotated[
        list[str] | None, typer.Option("--pipeline", help="The same as PIPELINE; repeatable.", metavar="PIPELINE")
    ]
    Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")]
    Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
    Device: TypeAlias = PlainDevice
    ModelDir = Annotated[
        str | None, typer.Option("--model-dir", "--model_dir", help="The model; else the official weights.")
    ]
    Runtime = Annotated[str | None, runtime_option(_SPEED)]
    UseHpip = Annotated[
        bool | None, typer.Option("--use_hpip/--no_use_hpip", help="PaddleX's switch.", rich_help_panel=_SPEED)
    ]
    Streams = Annotated[
        int | None, typer.Option(min=1, help="Copies of each network; else by the cores.", rich_help_panel=_SPEED)
    ]
    Workers = Annotated[
        int, typer.Option(min=1, help="Processes that share the port and the cores.", rich_help_panel=_SPEED)
    ]
    Queue = Annotated[
        int, typer.Option(min=1, help="Requests that wait for each model; more get 503.", rich_help_panel=_SPEED)
    ]
    BatchSize = Annotated[
        int | None,
        typer.Option(min=1, help="Most images of one shape per batch; else by the device.", rich_help_panel=_SPEED),
    ]
    BatchWaitMs = Annotated[
        float, typer.Option(min=0, help="How long the first of a batch waits.", rich_help_panel=_SPEED)
    ]
    WarmUp = Annotated[
        bool, typer.Option("--warm-up/--no-warm-up", help="Answer an image before listening.", rich_help_panel=_SPEED)
    ]
    Reload = Annotated[float, typer.Option(min=0, help="Seconds between looks for a retrained model; 0: never.")]
    Token = Annotated[
        str | None,
        typer.Option(envvar=TOKEN_VARIABLE, help="Clients must send it as a bearer token.", rich_help_panel=_LIMITS),
    ]
    AllowUrls = Annotated[
        bool, typer.Option("--allow-urls", help="Take images by public URL.", rich_help_panel=_LIMITS)
    ]
    MaxBodyMib = Annotated[int, typer.Option(min=1, help="Of a request.", rich_help_panel=_LIMITS)]
    MaxPixels = Annotated[
        int | None, typer.Option(min=1, help="Of an image; else what memory allows.", rich_help_panel=_LIMITS)
    ]
    MaxSeconds = Annotated[float, typer.Option(min=1, help="For an answer.", rich_help_panel=_LIMITS)]
    MaxPrompts = Annotated[int, typer.Option(min=1, help="Of a request.", rich_help_panel=_LIMITS)]
