"""`segcli batch`: a model over millions of images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segcli.cli.batching_options import BatchOptions
from segcli.cli.help import Command
from segcli.cli.options import Debug
from segcli.cli.running import ResultPlace, run

if TYPE_CHECKING:
    from segcli.steps.batch.command import BatchRequest
    from segcli.steps.batch.job import Masks


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
    out: BatchOptions.Out = None,
    model_dir: BatchOptions.ModelDir = None,
    masks: BatchOptions.Masks = "coco",
    threshold: BatchOptions.Threshold = None,
    batch_size: BatchOptions.BatchSize = None,
    runtime: BatchOptions.Runtime = None,
    device: BatchOptions.Device = "auto",
    override: BatchOptions.Override = None,
    shard_size: BatchOptions.ShardSize = 500,
    executor: BatchOptions.Executor = "local",
    workers: BatchOptions.Workers = 1,
    lease: BatchOptions.Lease = 60.0,
    digest: BatchOptions.Digest = True,
    merge: BatchOptions.Merge = None,
    join: BatchOptions.Join = None,
    worker: BatchOptions.Worker = 0,
    debug: Debug = False,
) -> None:
    """Run a model over any number of images, on any number of machines; the same command goes on after a stop."""
    if join is not None:
        run(lambda: _join(join, worker, workers), debug=debug)

    place = ResultPlace(None, "batch")

    def work() -> int:
        from segcli.errors import UsageError
        from segcli.steps.batch.command import BatchRequest

        if source is None or out is None or model_dir is None:
            missing = [
                name for name, value in (("SOURCE", source), ("--out", out), ("--model-dir", model_dir)) if not value
            ]
            what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            raise UsageError(what, hint="segcli batch IMAGES --out DIR --model-dir MODEL")
        given = {"threshold": threshold, "batch_size": batch_size, "runtime": runtime}
        request = BatchRequest(
            source=source,
            out=out,
            model_dir=model_dir,
            settings=_settings(given, override or [], source, model_dir),
            device=device,
            masks=_form(masks),
            shard_size=shard_size,
            executor=executor,
            workers=workers,
            lease_s=lease,
            digests=digest,
            merge=merge,
        )
        return _run(request, place)

    run(work, debug=debug, place=place)


def _form(masks: str) -> "Masks":
    from segcli.errors import UsageError

    forms: dict[str, Masks] = {"coco": "coco", "png": "png"}
    if masks in forms:
        return forms[masks]
    raise UsageError(f"--masks {masks}: there is no such form", hint="coco or png")


def _run(request: "BatchRequest", place: ResultPlace) -> int:
    from segcli import json_output, terminal
    from segcli.errors import EXIT_DONE, EXIT_FAILED
    from segcli.results import write_result
    from segcli.steps.batch.command import batch as run_batch
    from segcli.steps.batch.command import state_folder
    from segcli.steps.batch.executors.table import EXECUTORS

    folder = state_folder(request.out)
    place.begin(folder)
    result = run_batch(request)
    path = write_result(folder, place.command, result.as_dict(), done=result.complete)
    json_output.tell_result(result.as_dict())
    waits = EXECUTORS[request.executor].waits
    terminal.show_summary("batch", result.summary(), good=result.complete or not waits, result=path)
    return EXIT_DONE if result.complete or not (waits or result.failed) else EXIT_FAILED


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
    from segcli.inference.exported_model import ExportedModel
    from segcli.weights.guest_home import exported_in

    values = {f"Predict.{name}": value for name, value in given.items() if value is not None}
    name = model_in(model_dir) or ExportedModel.open(exported_in(Path(model_dir).expanduser())).model_name
    named = {"Global.mode": "predict", "Global.model": name, "Predict.input": source}
    return from_values({**named, **values}, overrides).config.Predict
