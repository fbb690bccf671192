"""`segcli serve`: pipelines over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from segcli import terminal
from segcli.cli.options import Debug
from segcli.cli.running import run
from segcli.errors import UsageError

if TYPE_CHECKING:
    from segcli.serve.run import Running

_LIMITS, _SPEED = "What clients may send", "Speed"
TOKEN_VARIABLE = "SEGCLI_TOKEN"
_MIB = 1 << 20


def add_serving(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command()(serve)


def serve(
    source: Annotated[
        list[str] | None,
        typer.Argument(metavar="PIPELINE", help="Names, YAML files or model folders, each alone or NAME=SOURCE."),
    ] = None,
    *,
    pipeline: Annotated[
        list[str] | None, typer.Option("--pipeline", help="The same as PIPELINE; repeatable.", metavar="PIPELINE")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    device: Annotated[str | None, typer.Option(help="auto, cpu, gpu, gpu:0, ...")] = None,
    model_dir: Annotated[
        str | None, typer.Option("--model-dir", "--model_dir", help="The model; else the official weights.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="auto, paddle, onnxruntime, openvino.", rich_help_panel=_SPEED)
    ] = None,
    use_hpip: Annotated[
        bool | None, typer.Option("--use_hpip/--no_use_hpip", help="PaddleX's switch.", rich_help_panel=_SPEED)
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Copies of each network; else by the cores.", rich_help_panel=_SPEED)
    ] = None,
    queue: Annotated[
        int, typer.Option(min=1, help="Requests that wait for each model; more get 503.", rich_help_panel=_SPEED)
    ] = 64,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images of one shape for the network at once.", rich_help_panel=_SPEED)
    ] = 1,
    batch_wait_ms: Annotated[
        float, typer.Option(min=0, help="How long the first of a batch waits.", rich_help_panel=_SPEED)
    ] = 5.0,
    warm_up: Annotated[
        bool, typer.Option("--warm-up/--no-warm-up", help="Answer an image before listening.", rich_help_panel=_SPEED)
    ] = True,
    reload: Annotated[float, typer.Option(min=0, help="Seconds between looks for a retrained model; 0: never.")] = 5.0,
    token: Annotated[
        str | None,
        typer.Option(envvar=TOKEN_VARIABLE, help="Clients must send it as a bearer token.", rich_help_panel=_LIMITS),
    ] = None,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Take images by public URL.", rich_help_panel=_LIMITS)
    ] = False,
    max_body_mib: Annotated[int, typer.Option(min=1, help="Of a request.", rich_help_panel=_LIMITS)] = 64,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Of an image; else what memory allows.", rich_help_panel=_LIMITS)
    ] = None,
    max_seconds: Annotated[float, typer.Option(min=1, help="For an answer.", rich_help_panel=_LIMITS)] = 120.0,
    max_prompts: Annotated[int, typer.Option(min=1, help="Of a request.", rich_help_panel=_LIMITS)] = 100,
    debug: Debug = False,
) -> None:
    """Serve pipelines over HTTP: PaddleX's routes, KServe's protocol, and a page to try them in a browser."""

    def work() -> int:
        from segcli.data.budget import set_max_pixels
        from segcli.serve.run import serve as run_service
        from segcli.serve.settings import Batching, Limits, ServeSettings

        chosen = (*(source or ()), *(pipeline or ()))
        if not chosen:
            raise UsageError("nothing to serve", hint="segcli serve output/best_model/inference")
        set_max_pixels(max_pixels)
        wishes = {"model_dir": model_dir, "runtime": runtime, "use_hpip": use_hpip}
        settings = ServeSettings(
            pipelines=chosen,
            host=host,
            port=port,
            device=device,
            options={key: value for key, value in wishes.items() if value is not None},
            streams=streams,
            queue=queue,
            batching=Batching(batch_size, batch_wait_ms),
            limits=Limits(max_body_mib * _MIB, seconds=max_seconds, prompts=max_prompts),
            token=token,
            allow_urls=allow_urls,
            warm_up=warm_up,
            reload_seconds=reload,
        )
        run_service(settings, _show)
        return 0

    run(work, debug=debug)


def _show(running: Running) -> None:
    """What is served where."""
    rows = [("page", f"{running.url}/"), ("API", f"{running.url}/docs")]
    for model in running.models.by_name.values():
        rows.append((model.name, f"{model.pipeline.name}, streams: {len(model.streams.pipelines)}"))
    terminal.show_summary("serve", rows)
