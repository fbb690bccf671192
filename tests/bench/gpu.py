"""Exported models on a GPU by ONNX Runtime, against the CPU: ``scripts/bench gpu FOLDER ...``.

Each folder is an exported model with an ONNX file; Paddle is not needed. The table tells whether the answers are equal,
how long the network takes for one image of noise, and the memory of the GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segcli.config.check import parse_device
from segcli.inference.exported_model import ExportedModel
from segcli.inference.instance_input import prepare
from segcli.inference.preprocess import normalise, resize_image
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.devices import inference_device
from tests.bench.runs import ROOT

HEAD = (
    "| model | input | equal | CPU, ms | GPU, ms | first image of a size, ms | memory of the GPU, MB |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)
RUNS, MOST_SECONDS = 20, 4.0
_ONE = "--one"


def main(arguments: Sequence[str]) -> int:
    """Measures each model in a process of its own and prints the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench gpu", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="an exported model")
    parser.add_argument("--device", default="gpu:0", metavar="NAME", help="gpu:0")
    parser.add_argument("--size", nargs=2, type=int, default=(1024, 512), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument(_ONE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    width, height = options.size
    if options.one:
        print(row(options.folders[0], options.device, (height, width)))  # noqa: T201
        return 0
    print(HEAD, flush=True)  # noqa: T201
    failed = 0
    for folder in options.folders:
        shared = (_ONE, "--device", options.device, "--size", str(width), str(height))
        command = [sys.executable, "-m", "tests.bench", "gpu", str(folder.resolve()), *shared]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        failed += done.returncode != 0
        told = done.stdout if done.returncode == 0 else f"{folder} failed: {done.stderr.strip()[-500:]}"
        print(told.rstrip(), flush=True)  # noqa: T201
    return 1 if failed else 0


def row(folder: Path, device: str, size: tuple[int, int]) -> str:
    """A line of the table, for an image of a height and a width that the model may resize."""
    device = inference_device(device, "onnxruntime", strict=True)  # or the CPU would be measured twice
    model = ExportedModel.open(folder)
    height, width = model.input_size or size
    image = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    image = resize_image(image, height, width)  # smooth, so that labels make areas
    answer = _objects if model.finds_objects else _labels
    here, _, on_cpu = answer(model, "cpu", image)
    there, first_ms, on_gpu = answer(model, device, image)
    name = f"{model.model_name} | {width}x{height}"
    return f"| {name} | {_equal(here, there)} | {on_cpu:.1f} | {on_gpu:.1f} | {first_ms:.0f} | {_used_mb(device)} |"


def _labels(model: ExportedModel, device: str, image: Any) -> tuple[list[Any], float, float]:
    runtime, given = open_runtime(model, "onnxruntime", device), normalise([image], model.preprocess)
    return _timed(lambda: [runtime.run(given)])


def _objects(model: ExportedModel, device: str, image: Any) -> tuple[list[Any], float, float]:
    runtime, feeds = open_runtime(model, "onnxruntime", device), prepare(image, model.preprocess).feeds()
    return _timed(lambda: list(runtime.run_named(feeds)))


def _timed(run: Callable[[], list[Any]]) -> tuple[list[Any], float, float]:
    """What it answers, the milliseconds of the first time, and the median of later ones."""
    begin = time.perf_counter()
    found = run()
    first_ms, times = 1000 * (time.perf_counter() - begin), []
    while len(times) < RUNS and sum(times) < 1000 * MOST_SECONDS:
        begin = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - begin))
    return found, first_ms, float(np.median(times))


def _equal(here: Sequence[Any], there: Sequence[Any]) -> str:
    """How much the outputs differ, relative to the largest value, and how many labels are equal."""
    if [one.shape for one in here] != [one.shape for one in there]:
        return "no: other numbers of objects"
    pairs = [(one.astype(np.float64), other.astype(np.float64)) for one, other in zip(here, there, strict=True)]
    most = max(float(np.abs(one - other).max() / max(np.abs(one).max(), 1e-12)) for one, other in pairs)
    if len(pairs) > 1:
        return f"{len(here[0])} objects, {most:.0e}"
    same = float((pairs[0][0].argmax(1) == pairs[0][1].argmax(1)).mean())
    return f"{same:.4%} of labels, {most:.0e}"


def _used_mb(device: str) -> str:
    """Megabytes in use on a GPU, by the driver's own program, which counts all GPUs."""
    _, ids = parse_device(device)
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        used = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        return used[max(ids, default=0)].strip()
    except (OSError, subprocess.CalledProcessError):
        return "-"
