"""`segcli serve` under load, objects; see `bench_serve`."""

from __future__ import annotations

from tests.bench.served import Kind, measured
from tests.bench.table import Row
from tests.trained_instance import MODEL, trained_instance_run


def run() -> list[Row]:
    """Throughput, refusals and memory."""
    return measured(
        Kind(
            "instance_segmentation",
            "InstanceSegmentation",
            MODEL,
            trained_instance_run,
            {"threshold": 0.5},
            {"threshold": 0.05},
        )
    )
