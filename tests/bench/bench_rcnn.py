"""CPU time of Mask R-CNN on an image of 512 pixels, in one part and in two, against plain Paddle Inference.

Plain is without oneDNN, the only mode in which PaddleX runs on a CPU with Paddle 3.3.1. Twenty objects are kept, as in
an image of a street. All share one run and one machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from segcli.engines.paddledet.exporting import save_program
from segcli.engines.paddledet.two_parts import save_two_parts
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.inference.runtimes.split_runtime import SplitRuntime
from segcli.runtimes import runtimes
from segcli.trained import load_trained
from tests.bench.table import Row
from tests.random_instance import save_random_weights

MODEL = "MaskRCNN-ResNet50-FPN"
SIDE = 512
OBJECTS = 20
BAR = {"onnxruntime": 1.3, "openvino": 1.3, "paddle": 1.1}


def _seconds(runtime: Runtime, feeds: dict[str, np.ndarray]) -> float:
    """CPU-seconds of all threads for one image, after one that warms up."""
    runtime.run_named(feeds)
    begin = time.process_time()
    boxes = runtime.run_named(feeds)[0]
    seconds = time.process_time() - begin
    assert len(boxes) == OBJECTS
    return seconds


def run() -> list[Row]:
    """One row a runtime that is installed; the fast ones run the stem, Paddle the heads."""
    rng = np.random.default_rng(0)
    shape = np.array([[SIDE, SIDE]], np.float32)
    image = rng.standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)
    feeds = {"im_shape": shape, "image": image, "scale_factor": np.ones_like(shape)}
    fast: dict[str, Callable[[Path, int], Runtime]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVinoRuntime}
    threads = thread_count()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        network = load_trained(save_random_weights(MODEL, folder), MODEL).network
        network.bbox_post_process.nms.keep_top_k = OBJECTS
        save_program(network, folder / "whole", None, small=True)
        save_two_parts(network, folder / "stem", folder / "heads")
        stem = convert_program(folder / "stem.json", folder / "stem.pdiparams", folder / "stem.onnx")
        program = folder / "whole.json", folder / "whole.pdiparams"
        slow = _seconds(PaddleRuntime(*program, "cpu", threads, onednn=False), feeds)
        heads = PaddleRuntime(folder / "heads.json", folder / "heads.pdiparams", "cpu", threads)
        times = {"paddle": _seconds(PaddleRuntime(*program, "cpu", threads), feeds)}
        for name, opener in fast.items():
            if runtimes()[name].is_installed:
                times[name] = _seconds(SplitRuntime(opener(stem, threads), heads), feeds)
    return [
        Row(f"{MODEL} on {name}", f"{value:.2f} CPU-s", f"{slow:.2f} CPU-s (plain Paddle)", slow / value, BAR[name])
        for name, value in times.items()
    ]
