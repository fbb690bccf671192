"""PaddleX's routes, one per served pipeline."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response

from segcli.data.url import is_address
from segcli.serve.answering import Answering
from segcli.serve.images import read_text
from segcli.serve.kinds import KINDS, Kind
from segcli.serve.replies import new_log_id
from segcli.steps.pipelines.table import PIPELINES

JSON_TYPE = "application/json"


def paddlex_routes(answering: Answering) -> APIRouter:
    """The routes of the served pipelines."""
    router = APIRouter(tags=["PaddleX"])
    for name, kind in KINDS.items():
        if answering.models.of_kind(name):
            router.add_api_route(
                kind.route,
                _endpoint(answering, name, kind),
                methods=["POST"],
                summary=PIPELINES[name].about,
                name=name,
            )
    return router


def _endpoint(answering: Answering, name: str, kind: Kind) -> Callable[..., Awaitable[Response]]:
    async def answer(body: kind.request) -> Response:  # type: ignore[name-defined]
        model = answering.pick(name, body.model)
        result = await answering.result(
            model, body, lambda: read_text(body.image, answering.settings), waits=is_address(body.image)
        )
        visualize = model.pipeline.settings.visualize if body.visualize is None else body.visualize
        log_id = body.log_id or new_log_id()
        text = await answering.beside(lambda: kind.reply(result, body, visualize=visualize).body(log_id))
        return Response(text, media_type=JSON_TYPE)

    return answer
