"""`segcli serve` under load, label maps: 64 clients, one request in ten bad; against PaddleX's service.

Good answers per CPU-second of the serving process are compared, so that neither the clients nor other work on the
machine count. With `scripts/bench --peers paddlex`, or `SEGCLI_PADDLEX_PYTHON` naming a Python that has PaddleX 3.7.2
with its serving plug-in, its service gets the same load with the same exported model right after ours.
`SEGCLI_BENCH_SECONDS` is the time of each load, `SEGCLI_BENCH_CLIENTS` the number of clients.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench.served import Kind, measured
from tests.bench.table import Row
from tests.trained_model import MODEL, trained_run


def _export() -> Path:
    return trained_run() / "run/best_model/inference"


def run() -> list[Row]:
    """Throughput, refusals and memory."""
    return measured(Kind("semantic_segmentation", "SemanticSegmentation", MODEL, _export, {"target_size": None}))
