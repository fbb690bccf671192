"""The page to try the models in a browser, and the page of the API; neither loads anything from other servers."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response

from segcli.serve.faults import RefusedError

FOLDER = Path(__file__).parents[1] / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_NOT_FOUND = 404


def page_routes() -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> Response:
        return _file("index.html")

    @router.get("/docs")
    async def docs() -> Response:
        return _file("docs.html")

    @router.get("/page/{name}")
    async def file(name: str) -> Response:
        return _file(name)

    return router


def _file(name: str) -> Response:
    known = {path.name: path for path in FOLDER.iterdir()}
    if name not in known or known[name].suffix not in TYPES:
        raise RefusedError(_NOT_FOUND, f"there is no file {name!r}")
    path = known[name]
    return Response(path.read_bytes(), media_type=f"{TYPES[path.suffix]}; charset=utf-8", headers=HEADERS)
