"""Settings and limits of a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segcli.data import transfer

LOCAL = "127.0.0.1"
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable of prometheus_client: the folder through which the processes of a service share their counters."""
PUBLIC = transfer.Limits(most_bytes=64 << 20, seconds=20.0, redirects=3, public_only=True)
"""Limits for downloading an image from a client's URL."""


@dataclass(frozen=True)
class Limits:
    """Limits for requests.

    Attributes:
        body_bytes: Most bytes of a request body.
        body_seconds: Most seconds to receive a body.
        seconds: Most seconds to answer a request, after its body was received.
        prompts: Most boxes, points or texts of a request.
    """

    body_bytes: int = 64 << 20
    body_seconds: float = 30.0
    seconds: float = 120.0
    prompts: int = 100


BATCH_SIZE = 8
"""Most images per batch on a device that is faster with batches."""


@dataclass(frozen=True)
class Batching:
    """How waiting requests are joined into batches.

    Attributes:
        size: Most images per batch; 1 is no batching. None is 1 on a CPU, where that is best, and for models that take
            one image at a time; else `BATCH_SIZE`.
        wait_ms: Milliseconds for which the first request waits for others.
    """

    size: int | None = None
    wait_ms: float = 5.0


@dataclass(frozen=True)
class ServeSettings:
    """Settings of a service.

    Attributes:
        pipelines: Pipelines to serve: names, YAML files or model folders, each alone or as ``NAME=SOURCE``.
        host: Address to listen on.
        port: Port; 0 chooses a free one.
        device: Device of the networks; None is the YAML's, or the CPU.
        options: Further arguments of `segcli.steps.pipelines.create.create_pipeline`, for every pipeline.
        streams: Copies of each network that run at the same time; None is one per core, at most four, on a CPU, and
            one on other devices and for promptable models.
        queue: Most waiting requests per model.
        batching: How waiting requests are joined into batches.
        limits: Limits for requests.
        token: Token that clients must send as ``Authorization: Bearer``; None requires none.
        allow_urls: Whether an image may be given by its URL.
        fetch: Limits for downloading such an image.
        warm_up: Whether each model processes a small image before it is ready.
        reload_seconds: Seconds between two checks of the model folders for a retrained model; 0 disables reloading.
        cores: Cores that this process may use; None is all.
    """

    pipelines: tuple[str, ...]
    host: str = LOCAL
    port: int = 8080
    device: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    streams: int | None = None
    queue: int = 64
    batching: Batching = Batching()
    limits: Limits = Limits()
    token: str | None = None
    allow_urls: bool = False
    fetch: transfer.Limits = PUBLIC
    warm_up: bool = True
    reload_seconds: float = 5.0
    cores: int | None = None
