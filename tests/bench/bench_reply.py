"""CPU time of a reply with objects, against decoding its image and the smallest network that finds objects.

A network for photographs takes up to a hundred times as long as this one, whose input is 64 x 64 pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.image import decode_image
from segcli.data.sources import SourceItem
from segcli.serve.replies import instance_reply
from segcli.serve.schemas import InstanceRequest
from segcli.steps.pipelines.create import create_pipeline
from segcli.steps.predict.instance_results import InstanceResult
from tests.bench.table import Row
from tests.trained_instance import trained_instance_run

WIDTH, HEIGHT, OBJECTS = 640, 480, 10
_RUNS = 20
SHARES = {("rle", False): 0.1, ("box", False): 0.1, ("box", True): 1.0}
"""Of the time of decoding and network, by form of the masks and whether the image is drawn."""


def run() -> list[Row]:
    """One row per form of the reply."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    rgb = np.asarray(cv2.resize(noise, (WIDTH, HEIGHT)), np.uint8)
    item = SourceItem(None, None, Path("image"), rgb)
    floor = _decoding_and_network(item)
    found, rows = _found(), []
    for (form, drawn), share in SHARES.items():
        request = InstanceRequest.model_validate({"image": "", "maskFormat": form})

        def reply(request: InstanceRequest = request, drawn: bool = drawn) -> object:
            return instance_reply(InstanceResult(item, found, ClassMap(("cell",))), request, visualize=drawn).body("id")

        ours = _milliseconds(reply)
        name = f"reply, {OBJECTS} objects, {WIDTH}x{HEIGHT}, masks: {form}{', with image' if drawn else ''}"
        rows.append(Row(name, f"{ours:.2f} ms", f"{floor:.1f} ms (decoding, network)", share * floor / ours, 1.0))
    return rows


def _found() -> Detections:
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(OBJECTS):
        centre, axes = rng.integers(60, HEIGHT - 60, 2).tolist(), rng.integers(20, HEIGHT // 5, 2).tolist()
        mask = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.uint8), centre, axes, float(rng.integers(180)), 0, 360, 1, -1)
        masks.append(rle.encode(mask))
    return Detections(np.linspace(0.9, 0.5, OBJECTS), np.zeros(OBJECTS, np.int64), masks)


def _decoding_and_network(item: SourceItem) -> float:
    pipeline = create_pipeline(trained_instance_run() / "run/best_model/inference")
    content = cv2.imencode(".jpg", item.rgb)[1].tobytes()
    nothing = 1.0  # no score reaches it, so that no mask is made
    network = _milliseconds(lambda: pipeline.answer([item], threshold=nothing))
    return network + _milliseconds(lambda: decode_image(content, name="image"))


def _milliseconds(job: Callable[[], object]) -> float:
    """CPU milliseconds of the fastest of some runs, after one that warms up."""
    job()
    best = float("inf")
    for _ in range(_RUNS):
        begin = time.process_time()
        job()
        best = min(best, time.process_time() - begin)
    return 1000 * best
