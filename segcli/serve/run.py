"""Runs a service until it is stopped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from segcli.errors import MissingPartError
from segcli.serve.settings import ServeSettings
from segcli.signals import hangup_stops

if TYPE_CHECKING:
    from segcli.serve.models import ServedModels

log = logging.getLogger("segcli.serve")

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")
STOP_SECONDS = 30
"""Most seconds for open requests after the service was stopped."""


@dataclass(frozen=True)
class Running:
    """A running service.

    Attributes:
        url: URL of the service.
        served: Name and description of each model.
        stop: Stops it after the open requests.
        models: Its models, if they are in this process.
    """

    url: str
    served: tuple[tuple[str, str], ...]
    stop: Callable[[], None]
    models: ServedModels | None = None


def require_packages() -> None:
    """Raises `MissingPartError` if a package that serving needs is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPartError(f"serving needs {', '.join(missing)}", hint=f"python -m pip install {' '.join(missing)}")


def serve(
    settings: ServeSettings, on_ready: Callable[[Running], None], sockets: list[socket.socket] | None = None
) -> None:
    """Opens the models, then serves until SIGTERM, SIGHUP or Ctrl-C; open requests are finished before it returns.

    Args:
        settings: Settings of the service.
        on_ready: Called once the service accepts requests.
        sockets: Listening sockets to use; None makes one from the settings.

    Raises:
        MissingPartError: A package that serving needs is not installed.
        SegcliError: A model cannot be opened.
    """
    require_packages()
    import uvicorn

    from segcli.serve.app import build_app
    from segcli.serve.metrics import Metrics
    from segcli.serve.models import ServedModels

    class Server(uvicorn.Server):
        """A server that reports when it listens, and that ends normally on a signal."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                port = self.servers[0].sockets[0].getsockname()[1]
                url = f"http://{settings.host}:{port}"
                on_ready(Running(url, models.described(), self.handle_stop, models))

        def handle_stop(self) -> None:
            self.should_exit = True

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            with super().capture_signals(), hangup_stops(self.handle_stop):
                yield
                self._captured_signals.clear()

    metrics = Metrics()
    models = ServedModels(settings, metrics)
    models.open()
    try:
        config = uvicorn.Config(
            build_app(settings, models, metrics),
            host=settings.host,
            port=settings.port,
            log_level="error",  # uvicorn warns on each request of Java clients, which offer HTTP/2
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        Server(config).run(sockets)
    finally:
        models.close()
