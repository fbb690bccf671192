"""Health, metrics, and the list of models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from segcli.serve.kinds import KINDS
from segcli.serve.metrics import CONTENT_TYPE, Metrics
from segcli.serve.models import ServedModel, ServedModels
from segcli.serve.replies import new_log_id


def health_routes(models: ServedModels, metrics: Metrics) -> APIRouter:
    """The routes of health, metrics and models."""
    router = APIRouter(tags=["service"])

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the service runs, in PaddleX's form."""
        return {"logId": new_log_id(), "errorCode": 0, "errorMsg": "Healthy"}

    @router.get("/ready")
    async def ready() -> dict[str, Any]:
        """Whether all models are ready; they are opened before the service listens."""
        return {"logId": new_log_id(), "errorCode": 0, "errorMsg": "Ready"}

    @router.get("/metrics")
    async def counters() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @router.get("/models")
    async def served() -> list[dict[str, Any]]:
        """The served models."""
        return [_about(model) for model in models.by_name.values()]

    return router


def _about(model: ServedModel) -> dict[str, Any]:
    settings = model.pipeline.settings
    return {
        "name": model.name,
        "pipeline": settings.name,
        "route": KINDS[settings.name].route,
        "models": model.pipeline.model_titles(),
        "classes": model.pipeline.class_names(),
        "version": model.version,
        "streams": len(model.streams.pipelines),
    }
