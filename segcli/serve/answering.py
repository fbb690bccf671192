"""Handles requests: decodes the image, queues it and waits for the result, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from anyio import fail_after

from segcli.cores import available_cores
from segcli.data.image import RgbImage
from segcli.serve.faults import TOO_LARGE, TOO_LATE, UNPROCESSABLE, RefusedError
from segcli.serve.images import item_of, require_size
from segcli.serve.models import ServedModel, ServedModels
from segcli.serve.schemas import ImageRequest
from segcli.serve.settings import ServeSettings
from segcli.steps.predict.image_result import ImageResult

FETCHERS = 16
"""Images that are downloaded at the same time."""
Out = TypeVar("Out")


class Answering:
    """Answers requests with the models of a service.

    Args:
        settings: Settings of the service.
        models: Its models.
    """

    def __init__(self, settings: ServeSettings, models: ServedModels) -> None:
        self.settings, self.models = settings, models
        self._codecs = ThreadPoolExecutor(max(2, available_cores()), thread_name_prefix="codec")
        self._fetchers = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")

    def pick(self, pipeline: str, name: str | None) -> ServedModel:
        """The model that a request names, or the pipeline's first one.

        Raises:
            RefusedError: There is no such model.
        """
        served = self.models.of_kind(pipeline)
        found = served[:1] if name is None else [model for model in served if model.name == name]
        if not found:
            there = ", ".join(model.name for model in served) or "none for this route"
            raise RefusedError(UNPROCESSABLE, f"model: there is no {name or 'model'}; there are: {there}")
        return found[0]

    async def beside(self, work: Callable[[], Out], *, waits: bool = False) -> Out:
        """Runs slow work in a thread, so that the event loop is not blocked.

        Args:
            work: The function to run.
            waits: Whether it waits for another server: such work must not occupy the threads that decode.
        """
        pool = self._fetchers if waits else self._codecs
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def result(
        self, model: ServedModel, request: ImageRequest, read: Callable[[], RgbImage], *, waits: bool = False
    ) -> ImageResult:
        """The pipeline's result for a request.

        Args:
            model: The model.
            request: The client's request.
            read: Reads the image; runs in a thread.
            waits: Whether `read` waits for another server.

        Raises:
            RefusedError: A limit is exceeded, the queue is full, or the request takes too long.
            SegcliError: The image or the request cannot be used.
        """
        arguments = self._arguments(request)
        seconds = self.settings.limits.seconds
        try:
            with fail_after(seconds):
                rgb = await self.beside(read, waits=waits)
                future = model.submit(item_of(rgb), arguments)
                return await asyncio.wrap_future(future)
        except TimeoutError as fault:
            raise RefusedError(TOO_LATE, f"the request took more than {seconds:g} s", retry_after=1) from fault

    def _arguments(self, request: ImageRequest) -> dict[str, Any]:
        most = self.settings.limits.prompts
        if request.prompt_count() > most:
            raise RefusedError(TOO_LARGE, f"there are more than {most} prompts")
        for width, height in request.sizes():
            require_size(width, height, "targetSize")
        return {key: value for key, value in request.arguments().items() if value is not None}

    def close(self) -> None:
        """Ends the threads."""
        self._codecs.shutdown(wait=False)
        self._fetchers.shutdown(wait=False, cancel_futures=True)
