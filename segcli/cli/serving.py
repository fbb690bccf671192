"""`segcli serve`: pipelines over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from segcli import terminal
from segcli.cli.help import Command
from segcli.cli.options import Debug
from segcli.cli.running import run
from segcli.cli.serving_options import ServeOptions
from segcli.errors import UsageError

if TYPE_CHECKING:
    from segcli.serve.run import Running
    from segcli.serve.settings import ServeSettings

_MIB = 1 << 20


def add_serving(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(serve)


def serve(
    source: ServeOptions.Source = None,
    *,
    pipeline: ServeOptions.Pipeline = None,
    host: ServeOptions.Host = "127.0.0.1",
    port: ServeOptions.Port = 8080,
    device: ServeOptions.Device = None,
    model_dir: ServeOptions.ModelDir = None,
    runtime: ServeOptions.Runtime = None,
    use_hpip: ServeOptions.UseHpip = None,
    streams: ServeOptions.Streams = None,
    workers: ServeOptions.Workers = 1,
    queue: ServeOptions.Queue = 64,
    batch_size: ServeOptions.BatchSize = None,
    batch_wait_ms: ServeOptions.BatchWaitMs = 5.0,
    warm_up: ServeOptions.WarmUp = True,
    reload: ServeOptions.Reload = 5.0,
    token: ServeOptions.Token = None,
    allow_urls: ServeOptions.AllowUrls = False,
    max_body_mib: ServeOptions.MaxBodyMib = 64,
    max_pixels: ServeOptions.MaxPixels = None,
    max_seconds: ServeOptions.MaxSeconds = 120.0,
    max_prompts: ServeOptions.MaxPrompts = 100,
    debug: Debug = False,
) -> None:
    """Serve pipelines over HTTP: PaddleX's routes, KServe's protocol, and a page to try them in a browser."""

    def work() -> int:
        from segcli.data.budget import set_max_pixels
        from segcli.serve.settings import Batching, Limits, ServeSettings

        chosen = (*(source or ()), *(pipeline or ()))
        if not chosen:
            raise UsageError("nothing to serve", hint="segcli serve output/best_model/inference")
        set_max_pixels(max_pixels)
        arguments = {"model_dir": model_dir, "runtime": runtime, "use_hpip": use_hpip}
        settings = ServeSettings(
            pipelines=chosen,
            host=host,
            port=port,
            device=device,
            options={key: value for key, value in arguments.items() if value is not None},
            streams=streams,
            queue=queue,
            batching=Batching(batch_size, batch_wait_ms),
            limits=Limits(max_body_mib * _MIB, seconds=max_seconds, prompts=max_prompts),
            token=token,
            allow_urls=allow_urls,
            warm_up=warm_up,
            reload_seconds=reload,
        )
        _serve(settings, workers)
        return 0

    run(work, debug=debug)


def _serve(settings: ServeSettings, workers: int) -> None:
    from segcli.serve.run import serve as run_service
    from segcli.serve.workers import serve_with

    if workers > 1:
        serve_with(workers, settings, _show)
    else:
        run_service(settings, _show)


def _show(running: Running) -> None:
    """What is served where."""
    terminal.show_summary("serve", [("page", f"{running.url}/"), ("API", f"{running.url}/docs"), *running.served])
