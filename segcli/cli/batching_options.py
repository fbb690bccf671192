"""Options of `segcli batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segcli.cli.completion import complete_device, complete_executor, complete_override
from segcli.cli.options import SETTINGS, SOURCES, runtime_option

_SPREAD = "How the work is spread"


class BatchOptions:
    """Options of `batch`."""

    Out = Annotated[
        str | None,
        typer.Option(
            "--out", "--output", help="Folder of the batch or its URL (s3://...); the same one goes on with it."
        ),
    ]
    ModelDir = Annotated[
        str | None, typer.Option("--model-dir", help="Folder of an exported model.", rich_help_panel=SETTINGS)
    ]
    Masks = Annotated[
        str,
        typer.Option(
            "--masks", help="coco: run-length codes in the rows; png: a tar of PNG.", rich_help_panel=SETTINGS
        ),
    ]
    Threshold = Annotated[float | None, typer.Option(help="Smallest score of an object.", rich_help_panel=SETTINGS)]
    BatchSize = Annotated[int | None, typer.Option(help="Images per batch.", rich_help_panel=SETTINGS)]
    Runtime = Annotated[
        str | None,
        runtime_option(SETTINGS),
    ]
    Device = Annotated[
        str,
        typer.Option(
            help="auto, cpu, gpu:0; workers share gpu:0,1.", rich_help_panel=SETTINGS, autocompletion=complete_device
        ),
    ]
    Override = Annotated[
        list[str] | None,
        typer.Option(
            "--override",
            "-o",
            metavar="KEY=VALUE",
            help="A further key Predict....",
            rich_help_panel=SOURCES,
            autocompletion=complete_override,
        ),
    ]
    ShardSize = Annotated[
        int, typer.Option(min=1, help="Images per shard, the unit of the work.", rich_help_panel=_SPREAD)
    ]
    Executor = Annotated[
        str, typer.Option(help="local, ray, dask, slurm.", rich_help_panel=_SPREAD, autocompletion=complete_executor)
    ]
    Workers = Annotated[int, typer.Option(min=1, help="How many workers.", rich_help_panel=_SPREAD)]
    Lease = Annotated[
        float,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Without a sign of life for so long, a worker of another machine is dead.",
            rich_help_panel=_SPREAD,
        ),
    ]
    Digest = Annotated[
        bool,
        typer.Option("--digest/--no-digest", help="Read each image once for its digest.", rich_help_panel=_SPREAD),
    ]
    Merge = Annotated[
        Path | None,
        typer.Option(
            "--merge",
            metavar="FILE",
            help="Put all results into one .json (COCO), .jsonl, .tar, .parquet.",
        ),
    ]
    Join = Annotated[
        Path | None,
        typer.Option("--join", metavar="DIR", help="Work at the batch of this folder, from any machine that sees it."),
    ]
    Worker = Annotated[int, typer.Option(min=0, help="Number of this worker.", hidden=True)]
