"""The application: routes and error replies."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from segcli.errors import SegcliError
from segcli.serve.answering import Answering
from segcli.serve.faults import INTERNAL, UNPROCESSABLE, refusal_of
from segcli.serve.gate import Gate
from segcli.serve.kinds import KINDS
from segcli.serve.metrics import Metrics
from segcli.serve.models import ServedModels
from segcli.serve.replies import fault_body, new_log_id
from segcli.serve.routes.health import health_routes
from segcli.serve.routes.kserve import kserve_routes, validation_text
from segcli.serve.routes.paddlex import paddlex_routes
from segcli.serve.routes.page import page_routes
from segcli.serve.settings import ServeSettings
from segcli.version import __version__

log = logging.getLogger("segcli.serve")


def build_app(settings: ServeSettings, models: ServedModels, metrics: Metrics) -> Gate:
    """The ASGI application of a service; its models must be open."""
    answering = Answering(settings, models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        answering.close()

    app = FastAPI(
        title="segcli",
        version=__version__,
        description="Segmentation over HTTP: PaddleX's routes and envelope, and KServe's protocol.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    for router in (
        paddlex_routes(answering),
        kserve_routes(answering),
        health_routes(models, metrics),
        page_routes(),
    ):
        app.include_router(router)
    _explain_faults(app)
    waiting = sum(settings.queue + len(model.streams.pipelines) for model in models.by_name.values())
    routes = {*(kind.route for kind in KINDS.values()), "/health", "/ready", "/metrics", "/models", "/"}
    routes |= {f"/v2/models/{name}/infer" for name in models.by_name}
    return Gate(app, settings.limits, metrics, waiting, settings.token, frozenset(routes), set())


def _explain_faults(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def unprocessable(request: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(request, UNPROCESSABLE, validation_text(error.errors()))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return _answer(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return _failed(request, error)

    # handlers of these types run inside the application; other errors are re-raised and reach the server's log
    for kind in _known_errors():
        app.add_exception_handler(kind, failed)


def _known_errors() -> tuple[type[Exception], ...]:
    from segcli.serve.faults import RefusedError

    return RefusedError, SegcliError, RuntimeError, ValueError, MemoryError


def _failed(request: Request, error: Exception) -> JSONResponse:
    refusal = refusal_of(error)
    if refusal is not None:
        return _answer(request, refusal.status, refusal.message, refusal.headers)
    log_id = new_log_id()
    log.error("%s %s failed", log_id, request.url.path, exc_info=error)
    return _answer(request, INTERNAL, "Internal server error", log_id=log_id)


def _answer(
    request: Request, status: int, message: str, headers: dict[str, str] | None = None, *, log_id: str | None = None
) -> JSONResponse:
    return JSONResponse(fault_body(request.url.path, status, message, log_id), status, headers)
