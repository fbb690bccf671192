"""How a service runs, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segcli.data import transfer

LOCAL = "127.0.0.1"
PUBLIC = transfer.Limits(most_bytes=64 << 20, seconds=20.0, redirects=3, public_only=True)
"""What fetching an image by the URL of a client may take."""


@dataclass(frozen=True)
class Limits:
    """What a client may send.

    Attributes:
        body_bytes: Of a request.
        body_seconds: Until a request's body is there.
        seconds: Until a request is answered.
        prompts: Boxes, points or texts of a request.
    """

    body_bytes: int = 64 << 20
    body_seconds: float = 30.0
    seconds: float = 120.0
    prompts: int = 100


@dataclass(frozen=True)
class Batching:
    """Requests for the network at once.

    Attributes:
        size: Most of them; 1 is no batching, which is best on a CPU.
        wait_ms: How long the first waits for others.
    """

    size: int = 1
    wait_ms: float = 5.0


@dataclass(frozen=True)
class ServeSettings:
    """A service.

    Attributes:
        pipelines: What is served: names, YAML files or model folders, each alone or as ``NAME=SOURCE``.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        device: Where networks run; None is the YAML's, or the CPU.
        options: Further arguments of `segcli.steps.pipelines.create.create_pipeline`, for every pipeline.
        streams: Copies of each network that run at the same time; None: as many as the cores allow on a CPU, one on
            another device and for promptable models.
        queue: Requests that may wait for each model.
        batching: Requests for the network at once.
        limits: What a client may send.
        token: What clients must send as ``Authorization: Bearer``; None lets everybody in.
        allow_urls: Whether an image may be given by its URL.
        fetch: What fetching such an image may take.
        warm_up: Whether a model answers a small image before it is ready.
        reload_seconds: How often model folders are looked at, to serve a retrained model; 0 never does.
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
