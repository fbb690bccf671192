"""KServe's Open Inference Protocol 2, for clients of Triton and KServe."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from segcli.data.url import is_address
from segcli.serve.answering import Answering
from segcli.serve.faults import BAD, UNPROCESSABLE, RefusedError
from segcli.serve.images import decode, read_text
from segcli.serve.kinds import KINDS
from segcli.serve.models import ServedModel
from segcli.serve.schemas import ImageRequest
from segcli.serve.tensors import INPUT, read_image, read_request, write_reply
from segcli.version import __version__

LENGTH_HEADER = "Inference-Header-Content-Length"
_NOT_FOUND = 404
_VERSION = "/versions/{version}"
_NOT_OURS = ("image", "visualize", "labelMe", "maskFormat", "model", "logId", "binary_data_output")
"""Parameters that are ignored: tensors hold their values, or they have no effect on tensors."""


def kserve_routes(answering: Answering) -> APIRouter:
    """The routes below ``/v2``."""
    router = APIRouter(prefix="/v2", tags=["KServe"])
    _add_health(router)
    _add_models(router, answering)
    return router


def _add_health(router: APIRouter) -> None:
    @router.get("")
    async def server() -> dict[str, Any]:
        """The service."""
        return {"name": "segcli", "version": __version__, "extensions": ["binary_tensor_data"]}

    @router.get("/health/live")
    async def live() -> dict[str, bool]:
        """Whether the service runs."""
        return {"live": True}

    @router.get("/health/ready")
    async def ready() -> dict[str, bool]:
        """Whether all models are ready."""
        return {"ready": True}


def _add_models(router: APIRouter, answering: Answering) -> None:
    @router.get("/models/{name}")
    @router.get(f"/models/{{name}}{_VERSION}")
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        """Inputs and outputs of a model."""
        model = _served(answering, name, version)
        outputs = KINDS[model.pipeline.name].outputs
        return {
            "name": name,
            "versions": [str(model.version)],
            "platform": "segcli",
            "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [1]}],
            "outputs": [{"name": key, "datatype": kind, "shape": shape} for key, (kind, shape) in outputs.items()],
        }

    @router.get("/models/{name}/ready")
    @router.get(f"/models/{{name}}{_VERSION}/ready")
    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        """Whether a model is ready."""
        return {"name": _served(answering, name, version).name, "ready": True}

    @router.post("/models/{name}/infer")
    @router.post(f"/models/{{name}}{_VERSION}/infer")
    async def infer(name: str, request: Request, version: str | None = None) -> Response:
        """Runs a model. Parameters are the fields of PaddleX's bodies: threshold, targetSize, prompt, ..."""
        return await _infer(answering, _served(answering, name, version), request)


def _served(answering: Answering, name: str, version: str | None) -> ServedModel:
    """The model of a name; of its versions, which count reloads, only the newest is there."""
    found = answering.models.by_name.get(name)
    if found is None:
        there = ", ".join(answering.models.by_name)
        raise RefusedError(_NOT_FOUND, f"there is no model {name!r}; there are: {there}")
    if version not in (None, str(found.version)):
        raise RefusedError(_NOT_FOUND, f"{name} has no version {version!r}; it is at version {found.version}")
    return found


async def _infer(answering: Answering, model: ServedModel, request: Request) -> Response:
    values, binary = read_request(await request.body(), request.headers.get(LENGTH_HEADER))
    image = read_image(values, binary)
    wanted = _image_request(model, values.get("parameters"))

    def read() -> Any:
        if isinstance(image, str):
            return read_text(image, answering.settings)
        return decode(image) if isinstance(image, bytes) else image

    waits = isinstance(image, str) and is_address(image)
    result = await answering.result(model, wanted, read, waits=waits)
    head = {"model_name": model.name, "model_version": str(model.version)}
    if isinstance(values.get("id"), str):
        head["id"] = values["id"]
    kind = KINDS[model.pipeline.name]
    body, length = await answering.beside(
        lambda: write_reply(head, kind.tensors(result), values.get("outputs"), values.get("parameters"))
    )
    if length is None:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={LENGTH_HEADER: str(length)})


def _image_request(model: ServedModel, parameters: Any) -> ImageRequest:
    if parameters is not None and not isinstance(parameters, dict):
        raise RefusedError(BAD, f"parameters: is {parameters!r}; expected an object")
    given = {key: value for key, value in (parameters or {}).items() if key not in _NOT_OURS}
    try:
        return KINDS[model.pipeline.name].request.model_validate({"image": "", **given})
    except ValidationError as error:
        raise RefusedError(UNPROCESSABLE, validation_text(error.errors())) from error


def validation_text(problems: Any) -> str:
    """The errors of a request body in one line.

    >>> validation_text([{"loc": ("body", "image"), "msg": "Field required"}])
    'image: Field required'
    >>> validation_text([{"loc": ("body", 2), "type": "json_invalid", "ctx": {"error": "Expecting value"}}])
    'the body is no JSON: Expecting value at character 3'
    """
    return "; ".join(dict.fromkeys(map(_sentence, problems)))


def _sentence(problem: Any) -> str:
    places = [part for part in problem["loc"] if part != "body"]
    match problem.get("type"), places:
        case "json_invalid", [int(position)]:
            return f"the body is no JSON: {problem['ctx']['error']} at character {position + 1}"
        case "missing", []:
            return "the body is missing"
    where = ".".join(map(str, places))
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
