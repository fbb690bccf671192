"""`segcli serve` under load, objects; see `bench_serve`."""

from __future__ import annotations

from pathlib import Path

from tests.bench.served import Kind, measured
from tests.bench.table import Row
from tests.trained_instance import MODEL, trained_instance_run

_THRESHOLD = {"threshold": 0.05}


def _export() -> Path:
    return trained_instance_run() / "run/best_model/inference"


def run() -> list[Row]:
    """Throughput, refusals and memory."""
    kind = Kind(
        "instance_segmentation",
        "InstanceSegmentation",
        MODEL,
        _export,
        {"threshold": 0.5},
        fields=_THRESHOLD,
        arguments=_THRESHOLD,
    )
    return measured(kind)
