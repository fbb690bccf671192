"""Metrics of the service, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

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
        self.in_flight = Gauge("segcli_requests_in_flight", "Requests in progress.", registry=self._registry)
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

    def watch_queues(self, lengths: Callable[[], dict[str, int]]) -> None:
        """Registers a function that returns queue lengths by model; it is called whenever the metrics are read."""
        self._registry.register(_Queues(lengths))

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Queues(Collector):
    def __init__(self, lengths: Callable[[], dict[str, int]]) -> None:
        self._lengths = lengths

    def collect(self) -> list[GaugeMetricFamily]:
        """The current lengths."""
        family = GaugeMetricFamily("segcli_queue_length", "Requests waiting for a network.", labels=["model"])
        for model, length in self._lengths().items():
            family.add_metric([model], length)
        return [family]
