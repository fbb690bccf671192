"""Metrics of the service, for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from segcli.serve.settings import METRICS_FOLDER

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("segcli_requests", "Finished requests.", ("route", "status"), registry=self._registry)
        self.seconds = Histogram(
            "segcli_request_seconds", "Duration of requests.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self.in_flight = Gauge(
            "segcli_requests_in_flight", "Requests in progress.", registry=self._registry, multiprocess_mode="livesum"
        )
        self._queued = Gauge(
            "segcli_queue_length",
            "Requests waiting for a network.",
            ("model",),
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._lengths: Callable[[], dict[str, int]] = dict
        self.images = Counter("segcli_images", "Images processed by a network.", ("model",), registry=self._registry)
        self.batches = Counter("segcli_batches", "Batches processed by a network.", ("model",), registry=self._registry)
        self.network_seconds = Counter(
            "segcli_network_seconds", "Seconds spent in networks, including masks.", ("model",), registry=self._registry
        )
        self.reloads = Counter(
            "segcli_reloads", "Reloads of changed models.", ("model", "outcome"), registry=self._registry
        )

    def batch_done(self, model: str, images: int, seconds: float) -> None:
        """Counts a batch that a network has processed."""
        self.images.labels(model).inc(images)
        self.batches.labels(model).inc()
        self.network_seconds.labels(model).inc(seconds)
        self._note_queues()

    def watch_queues(self, lengths: Callable[[], dict[str, int]]) -> None:
        """Registers a function that returns queue lengths by model; called after batches and for each reading."""
        self._lengths = lengths

    def text(self) -> bytes:
        """All metrics in Prometheus' text format, those of all processes if there are several."""
        self._note_queues()
        if METRICS_FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        collect: Any = MultiProcessCollector  # which has no types
        collect(registry)
        return generate_latest(registry)

    def _note_queues(self) -> None:
        for model, length in self._lengths().items():
            self._queued.labels(model).set(length)
