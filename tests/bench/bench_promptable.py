"""CPU time of SAM-B's image encoder on 1024 x 1024 pixels: the fast runtimes against Paddle Inference.

oneDNN is off in Paddle Inference, as PaddleX has it for its SAM models on a CPU. All share one run and one machine.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import paddle

from segcli.networks import build_network
from segcli.promptable.exported import IMAGE, open_part
from segcli.runtimes import runtimes
from tests.bench.table import Row

SIDE = 1024
BAR = 2.5
"""At most 0.4 of Paddle Inference's CPU time."""


def _seconds(folder: Path, runtime: str, image: np.ndarray) -> float:
    """CPU-seconds of all threads for one image."""
    graph = open_part(folder, "encoder", runtime)
    begin = time.process_time()
    found = graph.run_named({IMAGE: image})[0]
    seconds = time.process_time() - begin
    assert found.shape == (1, 256, 64, 64)
    return seconds


def run() -> list[Row]:
    """One row a fast runtime that is installed."""
    paddle.seed(0)
    image = np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        encoder = build_network("SAM-B").image_encoder
        encoder.eval()
        spec = paddle.static.InputSpec(list(image.shape), "float32", IMAGE)
        paddle.jit.save(encoder, str(folder / "encoder"), input_spec=[spec])
        slow = _seconds(folder, "paddle", image)
        fast: tuple[str, ...] = ("onnxruntime", "openvino")
        times = {name: _seconds(folder, name, image) for name in fast if runtimes()[name].is_installed}
    return [
        Row(f"SAM-B encoder, {name}", f"{value:.1f} CPU-s", f"{slow:.1f} CPU-s (Paddle Inference)", slow / value, BAR)
        for name, value in times.items()
    ]
