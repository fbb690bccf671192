"""CPU time of the files of 100 objects on 16.8 megapixels, against writing the image alone as a JPEG."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.sources import SourceItem
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.writers import save_image
from tests.bench.table import Row

SIDE, OBJECTS, RADIUS = 4096, 100, 31
BAR = 0.25
"""At most four times the JPEG; overlay, JSON, COCO and LabelMe are written."""


def _found() -> Detections:
    rng = np.random.default_rng(0)
    disc = cv2.circle(np.zeros((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8), (RADIUS, RADIUS), RADIUS, 1, -1)
    places = rng.integers(0, SIDE - len(disc), (OBJECTS, 2)).tolist()
    masks = [rle.encode_crop(disc, x, y, SIDE, SIDE) for x, y in places]
    return Detections(np.linspace(0.9, 0.5, OBJECTS), np.zeros(OBJECTS, np.int64), masks)


def run() -> list[Row]:
    """One row: all files of an image."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    rgb = np.asarray(cv2.resize(noise, (SIDE, SIDE)), np.uint8)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "image.jpg"
        save_image(source, rgb)
        begin = time.process_time()
        save_image(source, rgb)
        floor = time.process_time() - begin
        item = SourceItem(source.as_posix(), None, Path("image"), rgb)
        result = InstanceResult(item, _found(), ClassMap(("cell",)))
        begin = time.process_time()
        result.write_files(folder / "found", "compact")
        ours = time.process_time() - begin
    name = f"files of {OBJECTS} objects, {SIDE * SIDE / 1e6:.1f} Mpx"
    return [Row(name, f"{ours:.2f} CPU-s", f"{floor:.2f} CPU-s (JPEG alone)", floor / ours, BAR)]
