"""Label maps of whole images on ONNX Runtime and OpenVINO: memory per megapixel, and what 150 classes cost.

Each number is that of a process of its own. Large images run in bands, and are measured beside the same images run
whole; 150 classes beside the whole graph, in which every class is enlarged to the size of the image.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import open_on
from segcli.steps.export.command import export_weights
from tests.bench.table import Row
from tests.trained_model import MODEL, make_config, save_weights

SMALL, LARGE = (2048, 4096), (4096, 4096)
RUNTIMES = ("onnxruntime", "openvino")
BAR_MB_PER_MPX = 40.0
BAR_BANDS_TIME, BAR_BANDS_MB = 0.85, 1.2
SHAPE, CLASSES = (512, 1024), 150
BAR_TIME, BAR_MB = 253 / 170, 450.0

MEASURE = """
import re, sys, time
from pathlib import Path
import cv2, numpy as np
from segcli.inference.decode_labels import label_maps
from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import open_on
from segcli.inference.runtimes import small_logits
from segcli.inference.runtimes.onnx_graph import logits_graph
from segcli.inference.runtimes.onnx_session import open_session
from segcli.inference.runtimes.protocol import forward_of

folder, runtime, kind, height, width = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
model = ExportedModel.open(Path(folder))
if kind == "without bands":
    small_logits._LEAST_PX = height * width + 1
if kind != "whole graph":
    forward = forward_of(open_on(model, runtime))
else:
    session = open_session(logits_graph(Path(folder) / "inference.onnx"), 1)
    forward = lambda images: session.run(None, {session.get_inputs()[0].name: images})[0]
noise = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
images = [np.asarray(cv2.resize(noise, (width, height)), np.uint8)]
best = float("inf")
for _ in range(4):
    begin = time.process_time()
    label_maps(forward, images, model.preprocess)
    best = min(best, time.process_time() - begin)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print("MEASURED", best, int(peak) / 1024)
"""


def _measure(folder: Path, kind: str, shape: tuple[int, int], runtime: str = "onnxruntime") -> tuple[float, float]:
    """CPU seconds for an image, and the process's largest memory in MiB."""
    command = [sys.executable, "-c", MEASURE, str(folder), runtime, kind, *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split("MEASURED")[1].split()
    return float(seconds), float(peak)


def _exported(scratch: Path, classes: int) -> Path:
    folder = scratch / f"{classes}"
    weights = save_weights(folder / "best_model", names=tuple(f"c{number}" for number in range(classes)))
    export_weights(weights, folder / "inference", make_config(folder, Export={"verify": False}))
    open_on(ExportedModel.open(folder / "inference"), "onnxruntime")  # converts it
    return folder / "inference"


def _against_whole(
    shape: tuple[int, int], ours: tuple[float, float], whole: tuple[float, float], where: str
) -> list[Row]:
    """An image in bands beside the same image run whole."""
    label = f"{MODEL} in bands{where}, {shape[0] * shape[1] / 1e6:.1f} Mpx, against the whole image"
    return [
        Row(
            f"{label}, memory of the process",
            f"{ours[1]:.0f} MB",
            f"{whole[1]:.0f} MB",
            whole[1] / ours[1],
            BAR_BANDS_MB,
        ),
        Row(label, f"{ours[0]:.2f} CPU-s", f"{whole[0]:.2f} CPU-s", whole[0] / ours[0], BAR_BANDS_TIME),
    ]


def _large_images(folder: Path, runtime: str) -> list[Row]:
    """Memory per megapixel from the difference of two sizes, and each size in bands beside the whole image."""
    where = "" if runtime == "onnxruntime" else f" on {runtime}"
    _measure(folder, "ours", SMALL, runtime)  # makes the networks of bands, once
    ours, whole = (
        [_measure(folder, kind, shape, runtime) for shape in (SMALL, LARGE)] for kind in ("ours", "without bands")
    )
    per_mpx = (ours[1][1] - ours[0][1]) / ((LARGE[0] * LARGE[1] - SMALL[0] * SMALL[1]) / 1e6)
    return [
        Row(
            f"{MODEL} with 19 classes{where}, memory per megapixel",
            f"{per_mpx:.0f} MB",
            f"{BAR_MB_PER_MPX:.0f} MB (bar)",
            BAR_MB_PER_MPX / per_mpx,
            1.0,
        ),
        *(row for values in zip((SMALL, LARGE), ours, whole, strict=True) for row in _against_whole(*values, where)),
    ]


def run() -> list[Row]:
    """Memory per megapixel on each runtime; time and memory of 150 classes."""
    with tempfile.TemporaryDirectory() as name:
        few, many = _exported(Path(name), 19), _exported(Path(name), CLASSES)
        large = [row for runtime in RUNTIMES for row in _large_images(few, runtime)]
        seconds, peak = _measure(many, "ours", SHAPE)
        whole_seconds, _ = _measure(many, "whole graph", SHAPE)
    label = f"{MODEL} with {CLASSES} classes, {SHAPE[0] * SHAPE[1] / 1e6:.1f} Mpx"
    return [
        *large,
        Row(
            f"{label}, against all classes enlarged",
            f"{1000 * seconds:.0f} CPU-ms",
            f"{1000 * whole_seconds:.0f} CPU-ms",
            whole_seconds / seconds,
            BAR_TIME,
        ),
        Row(f"{label}, memory of the process", f"{peak:.0f} MB", f"{BAR_MB:.0f} MB (bar)", BAR_MB / peak, 1.0),
    ]
