"""The models of a service, and how they are replaced after a retraining."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from segcli.data.sources import SourceItem
from segcli.errors import SegcliError, UsageError
from segcli.serve.metrics import Metrics
from segcli.serve.queue import Job
from segcli.serve.settings import ServeSettings
from segcli.serve.streams import Streams, batching_of, open_streams, stream_count, warm_up
from segcli.steps.pipelines.create import YAML_SUFFIXES, create_pipeline
from segcli.steps.pipelines.pipeline import Pipeline
from segcli.steps.predict.image_result import ImageResult

log = logging.getLogger("segcli.serve")

Stamp = tuple[tuple[str, int, int], ...]
"""Files with their sizes in bytes and modification times in ns."""


@dataclass
class ServedModel:
    """A served pipeline and its name.

    Attributes:
        name: Name in URLs and requests.
        source: Pipeline name, YAML file or model folder from which it was created.
        streams: The current copies of the pipeline.
        version: Counts reloads, from 1.
        stamp: State of the files from which it was opened.
        lock: Held while jobs are queued or `streams` is replaced.
    """

    name: str
    source: str
    streams: Streams
    version: int = 1
    stamp: Stamp = ()
    lock: Lock = field(default_factory=Lock)

    @property
    def pipeline(self) -> Pipeline:
        """One of the current copies."""
        return self.streams.pipelines[0]

    def submit(self, item: SourceItem, arguments: Mapping[str, Any]) -> Future[ImageResult]:
        """Puts an image into the queue.

        Raises:
            RefusedError: The queue is full.
        """
        assert item.rgb is not None
        key = (item.rgb.shape, repr(sorted(arguments.items())))
        job = Job(item, arguments, key)
        with self.lock:
            self.streams.queue.put(job)
        return job.future


class ServedModels:
    """All models of a service, by name.

    Args:
        settings: Settings of the service.
        metrics: Counters of the service.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self.by_name: dict[str, ServedModel] = {}
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, name="reload", daemon=True)

    def open(self) -> None:
        """Opens every model; returns when all are ready.

        Raises:
            SegcliError: A model cannot be opened.
            UsageError: Two models have the same name.
        """
        for entry in self._settings.pipelines:
            name, source = _named(entry)
            stamp = stamp_of(self._make(source), source)
            streams = self._opened(name or "?", source)
            model = ServedModel(name or _default_name(streams.pipelines[0], source), source, streams, stamp=stamp)
            if model.name in self.by_name:
                raise UsageError(f"two models are called {model.name}", hint=f"--pipeline OTHER_NAME={source}")
            self.by_name[model.name] = model
            streams.start()
        self._metrics.watch_queues(lambda: {name: len(model.streams.queue) for name, model in self.by_name.items()})
        if self._settings.reload_seconds > 0:
            self._watcher.start()

    def close(self) -> None:
        """Processes waiting requests, then stops all models."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for model in self.by_name.values():
            model.streams.stop()

    def described(self) -> tuple[tuple[str, str], ...]:
        """Name and description of each model, for the terminal."""
        return tuple(
            (one.name, f"{one.pipeline.name}, streams: {len(one.streams.pipelines)}") for one in self.by_name.values()
        )

    def of_kind(self, pipeline: str) -> list[ServedModel]:
        """The models of one pipeline, in the order in which they were given."""
        return [model for model in self.by_name.values() if model.pipeline.name == pipeline]

    def _make(self, source: str) -> Pipeline:
        return create_pipeline(source, device=self._settings.device, **self._settings.options)

    def _opened(self, name: str, source: str) -> Streams:
        first = self._make(source)
        count = stream_count(self._settings.streams, first, self._settings.cores)
        pipelines = [first, *(self._make(source) for _ in range(count - 1))]
        open_streams(pipelines)
        if self._settings.warm_up:
            warm_up(pipelines)
        name = _default_name(first, source) if name == "?" else name
        log.info("%s serves %s in %d streams", name, source, count)
        batching = batching_of(self._settings.batching, first)
        return Streams(pipelines, batching, self._settings.queue, self._metrics, name)

    def _watch(self) -> None:
        """Reloads models whose files have changed, once they have stayed the same since the previous check."""
        seen: dict[str, Stamp] = {}
        while not self._stopping.wait(self._settings.reload_seconds):
            for model in self.by_name.values():
                stamp = stamp_of(model.pipeline, model.source)
                if stamp and stamp != model.stamp and stamp == seen.get(model.name):
                    self._reload(model, stamp)
                seen[model.name] = stamp

    def _reload(self, model: ServedModel, stamp: Stamp) -> None:
        model.stamp = stamp  # a model that cannot be opened is not tried again until it changes
        try:
            fresh = self._opened(model.name, model.source)
        except (SegcliError, OSError, RuntimeError, ValueError) as fault:
            log.error("%s keeps serving the previous model, as the new one cannot be opened: %s", model.name, fault)
            self._metrics.reloads.labels(model.name, "failed").inc()
            return
        fresh.start()
        with model.lock:
            old, model.streams = model.streams, fresh
            model.version += 1
        old.stop()
        log.info("%s is reloaded: version %d", model.name, model.version)
        self._metrics.reloads.labels(model.name, "done").inc()


def stamp_of(pipeline: Pipeline, source: str) -> Stamp:
    """The files of a pipeline; empty while one of its folders is missing."""
    paths = [Path(source)] if Path(source).suffix.lower() in YAML_SUFFIXES else []
    for model in pipeline.settings.models.values():
        if model.model_dir is not None:
            paths.append(Path(model.model_dir).expanduser())
    found = []
    try:
        for path in dict.fromkeys(paths):
            files = [path] if path.is_file() else _model_files(path)
            if not files:
                return ()
            found += [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except OSError:  # a file was deleted after it was listed
        return ()
    return tuple(found)


def _model_files(folder: Path) -> list[Path]:
    """The files that an export writes; not those that are created when a model is opened (proofs, conversions)."""
    written = (".yml", ".json", ".pdiparams", ".pdmodel", ".pdparams")
    return sorted(file for file in folder.rglob("*") if file.suffix in written and file.name != "proofs.json")


def _named(entry: str) -> tuple[str | None, str]:
    """Name and source of ``NAME=SOURCE``; a source that exists is never split."""
    name, equals, source = entry.partition("=")
    return (name, source) if equals and name and not Path(entry).exists() else (None, entry)


def _default_name(pipeline: Pipeline, source: str) -> str:
    """The YAML's file name, the pipeline's name, or that of the folder's model."""
    path = Path(source)
    if path.suffix.lower() in YAML_SUFFIXES:
        return path.stem
    if path.is_dir():
        return next(iter(pipeline.settings.models.values())).model_name
    return pipeline.name
