"""Runs a service until it is told to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from segcli.errors import MissingPartError
from segcli.serve.settings import ServeSettings

if TYPE_CHECKING:
    from segcli.serve.models import ServedModels

log = logging.getLogger("segcli.serve")

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")
STOP_SECONDS = 30
"""How long open requests are answered after the service was told to stop."""


@dataclass(frozen=True)
class Running:
    """A service that answers.

    Attributes:
        url: Where.
        models: What it has.
        stop: Asks it to end.
    """

    url: str
    models: ServedModels
    stop: Callable[[], None]


def serve(settings: ServeSettings, on_ready: Callable[[Running], None]) -> None:
    """Opens the models, then answers until SIGTERM or Ctrl-C; open requests are answered first.

    Args:
        settings: Of the service.
        on_ready: Called once requests are answered.

    Raises:
        MissingPartError: A package of the service is not installed.
        SegcliError: A model cannot be opened.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPartError(f"serving needs {', '.join(missing)}", hint=f"python -m pip install {' '.join(missing)}")
    import uvicorn

    from segcli.serve.app import build_app
    from segcli.serve.metrics import Metrics
    from segcli.serve.models import ServedModels

    class Server(uvicorn.Server):
        """A server that reports when it listens, and for which a signal is an ordinary end."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                port = self.servers[0].sockets[0].getsockname()[1]
                on_ready(Running(f"http://{settings.host}:{port}", models, self.handle_stop))

        def handle_stop(self) -> None:
            self.should_exit = True

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            with super().capture_signals():
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
            log_level="error",  # a warning for each request of a Java client, which offers HTTP/2
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        Server(config).run()
    finally:
        models.close()
