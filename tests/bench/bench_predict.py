"""Images a second of `predict` with reading and writing, by runtime, against what PaddleX does on the same machine.

With `scripts/bench --peers paddlex`, or `SEGCLI_PADDLEX_PYTHON` naming a Python that has PaddleX 3.7.2, PaddleX itself
predicts and saves the same images with the same exported model. Without it, the reference is the network alone in
Paddle with oneDNN off, the only mode in which PaddleX works on a CPU with Paddle 3.3.1; that favours PaddleX.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.config.schema import Config
from segcli.inference.exported_model import ExportedModel
from segcli.inference.preprocess import normalise
from segcli.runtimes import runtimes
from segcli.steps.export.command import export_weights
from segcli.steps.predict.command import predict
from tests.bench.peers.environments import PEERS
from tests.bench.peers.timed import seconds
from tests.bench.table import Row
from tests.trained_model import MODEL, make_config, save_weights

IMAGES = 12
SHAPE = (512, 1024)
CLASSES = tuple(f"c{number}" for number in range(19))
BAR = {"onnxruntime": 2.0, "openvino": 2.0, "paddle": 1.0}

PADDLEX = """
import sys, time
from paddlex import create_model

name, folder, target, *images = sys.argv[1:]
model = create_model(name, model_dir=folder)
list(model.predict(images[:1]))
begin = time.perf_counter()
for result in model.predict(images):
    result.save_to_json(target)
    result.save_to_img(target)
print("SECONDS", time.perf_counter() - begin)
"""


def write_images(folder: Path) -> list[str]:
    """Writes the images into a new folder; returns their paths."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(IMAGES):
        image = cv2.resize(rng.integers(0, 256, (64, 128, 3)).astype(np.uint8), SHAPE[::-1])
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
    return sorted(map(str, folder.iterdir()))


def _ours(config: Config) -> float:
    """Images a second; the first run warms up."""
    predict(config)
    return predict(config).images_per_second


def _reference(model: ExportedModel, images: list[str], scratch: Path) -> tuple[str, float]:
    python = PEERS["paddlex"].python()
    if not python:
        return "plain Paddle, network alone", _plain_paddle(model)
    given = (MODEL, model.folder, scratch / "paddlex", *images)
    needed = seconds(python, PADDLEX, *given, variables={"PADDLE_PDX_ENABLE_MKLDNN_BYDEFAULT": "False"})
    return "PaddleX 3.7.2", len(images) / needed


def _plain_paddle(model: ExportedModel) -> float:
    from paddle import inference

    config: Any = inference.Config(str(model.folder / "inference.json"), str(model.folder / "inference.pdiparams"))
    config.disable_glog_info()
    config.disable_mkldnn()
    predictor = inference.create_predictor(config)
    handle = predictor.get_input_handle(predictor.get_input_names()[0])
    inputs = normalise([np.zeros((*SHAPE, 3), np.uint8)], model.preprocess)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        handle.copy_from_cpu(inputs)
        predictor.run()
        predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
        times.append(time.perf_counter() - begin)
    return 1 / min(times)


def run() -> list[Row]:
    """Wall time, so a machine with other work shows less of both."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        weights = save_weights(scratch / "best_model", names=CLASSES)
        folder = scratch / "inference"
        export_weights(weights, folder, make_config(scratch, Export={"verify": False}))
        model = ExportedModel.open(folder)
        images = write_images(scratch / "images")
        label, reference = _reference(model, images, scratch)
        rows = []
        for runtime, bar in BAR.items():
            if not runtimes()[runtime].is_installed:
                continue
            settings = {"model_dir": str(folder), "input": str(scratch / "images"), "runtime": runtime}
            rate = _ours(make_config(scratch / "out", Predict=settings))
            rows.append(
                Row(
                    f"predict {MODEL} on {runtime}, against {label}",
                    f"{rate:.2f} images/s",
                    f"{reference:.2f} images/s",
                    rate / reference,
                    bar,
                )
            )
    return rows
