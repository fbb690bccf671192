"""Copies of a pipeline, each in its own thread, that process the jobs of one queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Thread

import numpy as np

from segcli.cores import available_cores
from segcli.inference.runtimes.devices import inference_device
from segcli.inference.runtimes.protocol import limited_threads
from segcli.models.task import Task
from segcli.serve.metrics import Metrics
from segcli.serve.queue import Job, JobQueue
from segcli.serve.settings import BATCH_SIZE, Batching
from segcli.steps.pipelines.pipeline import Pipeline
from segcli.steps.predict.options import wanted_runtime

log = logging.getLogger("segcli.serve")

MOST_STREAMS = 4
"""Most streams by default; each needs the memory of one network."""
WARM_UP_SIDE = 128


class Streams:
    """Copies of a pipeline that share a queue.

    Args:
        pipelines: One per stream, all with the same settings.
        batching: How jobs are joined into batches.
        queue_size: Most jobs in the queue.
        metrics: Counters of the service.
        name: Name of the served model, for metrics.
    """

    def __init__(
        self, pipelines: Sequence[Pipeline], batching: Batching, queue_size: int, metrics: Metrics, name: str
    ) -> None:
        self.pipelines = tuple(pipelines)
        self.queue = JobQueue(queue_size)
        self._batching, self._metrics, self._name = batching, metrics, name
        self._threads = [
            Thread(target=self._work, args=(pipeline,), name=f"{name}-{number}", daemon=True)
            for number, pipeline in enumerate(self.pipelines)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Processes the jobs in the queue, then ends the threads."""
        self.queue.close()
        for thread in self._threads:
            thread.join()

    def _work(self, pipeline: Pipeline) -> None:
        while batch := self.queue.take(self._batching):
            begin = time.perf_counter()
            self._answer(pipeline, batch)
            self._metrics.batch_done(self._name, len(batch), time.perf_counter() - begin)

    def _answer(self, pipeline: Pipeline, batch: Sequence[Job]) -> None:
        try:
            results = pipeline.answer([job.item for job in batch], **batch[0].arguments)
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for job in batch:  # one bad image must not fail the others
                self._answer(pipeline, [job])
            return
        for job, result in zip(batch, results, strict=True):
            job.future.set_result(result)


def open_streams(pipelines: Sequence[Pipeline]) -> None:
    """Opens the networks of all copies, which share the cores.

    Raises:
        SegcliError: A network cannot be opened.
    """
    with limited_threads(max(1, available_cores() // len(pipelines))):
        for pipeline in pipelines:
            pipeline.open_all()


def warm_up(pipelines: Sequence[Pipeline]) -> None:
    """Runs every copy on a small image, so that no client waits for one-time initialisation."""
    rgb = np.zeros((WARM_UP_SIDE, WARM_UP_SIDE, 3), np.uint8)
    for pipeline in pipelines:
        pipeline.try_out(rgb)


def stream_count(wanted: int | None, pipeline: Pipeline, cores: int | None = None) -> int:
    """Number of copies of a pipeline: the configured one, or one that fits the device and the cores (None: all)."""
    if wanted is not None:
        return wanted
    if any(task.facts.takes_prompts for task in _tasks(pipeline)) or not _on_cpu(pipeline):
        return 1
    return min(MOST_STREAMS, cores or available_cores())


def batching_of(wanted: Batching, pipeline: Pipeline) -> Batching:
    """How the requests of a pipeline are joined: as configured, or as fits the device and the models."""
    if wanted.size is not None:
        return wanted
    takes_batches = all(task.facts.joins_images for task in _tasks(pipeline)) and not _on_cpu(pipeline)
    return replace(wanted, size=BATCH_SIZE if takes_batches else 1)


def _on_cpu(pipeline: Pipeline) -> bool:
    """Whether all networks of a pipeline compute on the CPU."""
    settings = pipeline.settings
    wanted = {wanted_runtime(model.predict) for model in settings.models.values()}
    return all(inference_device(settings.device, one) == "cpu" for one in wanted)


def _tasks(pipeline: Pipeline) -> set[Task]:
    return {model.task for model in pipeline.settings.models.values()}
