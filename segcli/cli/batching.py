"""`segcli batch`: a model over millions of images."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segcli.cli.completion import complete_device, complete_executor, complete_runtime
from segcli.cli.help import Command
from segcli.cli.options import SETTINGS, SOURCES, Debug
from segcli.cli.running import run

_SPREAD = "How the work is spread"


def add_batching(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(batch)


def batch(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A folder, its URL (s3://...), or a manifest: .csv or .parquet with a column path, or .txt.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--output", help="Folder of the batch; the same one goes on with it."),
    ] = None,
    model_dir: Annotated[
        str | None, typer.Option("--model-dir", help="Folder of an exported model.", rich_help_panel=SETTINGS)
    ] = None,
    masks: Annotated[
        str,
        typer.Option(
            "--masks", help="coco: run-length codes in the rows; png: a tar of PNG.", rich_help_panel=SETTINGS
        ),
    ] = "coco",
    threshold: Annotated[
        float | None, typer.Option(help="Smallest score of an object.", rich_help_panel=SETTINGS)
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images at once.", rich_help_panel=SETTINGS)] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            help="auto, paddle, onnxruntime, openvino.", rich_help_panel=SETTINGS, autocompletion=complete_runtime
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, gpu:0; workers share gpu:0,1.", rich_help_panel=SETTINGS, autocompletion=complete_device
        ),
    ] = "auto",
    override: Annotated[
        list[str] | None,
        typer.Option(
            "--override", "-o", metavar="KEY=VALUE", help="A further key Predict....", rich_help_panel=SOURCES
        ),
    ] = None,
    shard_size: Annotated[
        int, typer.Option(min=1, help="Images per shard, the unit of the work.", rich_help_panel=_SPREAD)
    ] = 500,
    executor: Annotated[
        str, typer.Option(help="local, ray, dask, slurm.", rich_help_panel=_SPREAD, autocompletion=complete_executor)
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="How many workers.", rich_help_panel=_SPREAD)] = 1,
    lease: Annotated[
        float,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Without a sign of life for so long, a worker of another machine is dead.",
            rich_help_panel=_SPREAD,
        ),
    ] = 60.0,
    digest: Annotated[
        bool,
        typer.Option("--digest/--no-digest", help="Read each image once for its digest.", rich_help_panel=_SPREAD),
    ] = True,
    merge: Annotated[
        Path | None,
        typer.Option(
            "--merge",
            metavar="FILE",
            help="Put all results into one .json (COCO), .jsonl, .tar, .parquet.",
        ),
    ] = None,
    join: Annotated[
        Path | None,
        typer.Option("--join", metavar="DIR", help="Work at the batch of this folder, from any machine that sees it."),
    ] = None,
    worker: Annotated[int, typer.Option(min=0, help="Number of this worker.", hidden=True)] = 0,
    debug: Debug = False,
) -> None:
    """Run a model over any number of images, on any number of machines; the same command goes on after a stop."""
    if join is not None:
        run(lambda: _join(join, worker, workers), debug=debug)

    def work() -> int:
        from segcli import json_output, terminal
        from segcli.errors import EXIT_DONE, EXIT_FAILED, UsageError
        from segcli.results import write_result
        from segcli.steps.batch.command import BatchRequest
        from segcli.steps.batch.command import batch as run_batch
        from segcli.steps.batch.executors.table import EXECUTORS

        if source is None or out is None or model_dir is None:
            missing = [
                name for name, value in (("SOURCE", source), ("--out", out), ("--model-dir", model_dir)) if not value
            ]
            raise UsageError(f"{' and '.join(missing)} missing", hint="segcli batch IMAGES --out DIR --model-dir MODEL")
        if masks not in ("coco", "png"):
            raise UsageError(f"--masks {masks}: there is no such form", hint="coco or png")
        given = {"threshold": threshold, "batch_size": batch_size, "runtime": runtime}
        request = BatchRequest(
            source=source,
            out=out,
            model_dir=model_dir,
            settings=_settings(given, override or [], source, model_dir),
            device=device,
            masks="png" if masks == "png" else "coco",
            shard_size=shard_size,
            executor=executor,
            workers=workers,
            lease_s=lease,
            digests=digest,
            merge=merge,
        )
        result = run_batch(request)
        path = write_result(out, "batch", result.as_dict(), done=result.complete)
        json_output.tell_result(result.as_dict())
        waits = EXECUTORS[executor].waits
        terminal.show_summary("batch", result.summary(), good=result.complete or not waits, result=path)
        return EXIT_DONE if result.complete or not (waits or result.failed) else EXIT_FAILED

    run(work, debug=debug)


def _join(folder: Path, number: int, workers: int) -> int:
    from segcli.parent import end_with_parent
    from segcli.steps.batch.worker import work

    end_with_parent()
    work(str(folder.absolute()), number, workers)
    return 0


def _settings(given: dict[str, Any], overrides: list[str], source: str, model_dir: str) -> Any:
    """The settings of the prediction; only those that were given are set."""
    from segcli.config.load import from_values
    from segcli.implied import model_in

    values = {f"Predict.{name}": value for name, value in given.items() if value is not None}
    name = model_in(model_dir) or model_in(str(Path(model_dir) / "inference"))
    named = {} if name is None else {"Global.model": name}
    return from_values({"Global.mode": "predict", "Predict.input": source, **named, **values}, overrides).config.Predict
