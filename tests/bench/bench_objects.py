"""CPU time after the network: files of 100 objects on 16.8 megapixels, and all that 98 small objects take.

The first is measured against writing the image alone as a JPEG, the second against the network.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.image import read_image
from segcli.data.sources import SourceItem
from segcli.inference.exported_model import ExportedModel
from segcli.inference.instance_input import joined_feeds, prepare
from segcli.inference.model_runtime import open_on
from segcli.inference.paste import paste_in_boxes
from segcli.steps.export.command import export_weights
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.writers import save_image
from tests.bench.runtimes.timing import cpu_milliseconds
from tests.bench.table import Row
from tests.instance_run import configure, make_rectangles
from tests.trained_instance import MODEL, save_instance_weights

SIDE, OBJECTS, RADIUS = 4096, 100, 31
BAR = 0.25
"""At most four times the JPEG; overlay, JSON, COCO and LabelMe are written."""
SMALL_SIDE, SMALL_OBJECTS, RUNS = 256, 98, 60
SMALL_BAR = 0.7 / 0.3
"""At most 30 % of the time are not the network's."""


def _found() -> Detections:
    rng = np.random.default_rng(0)
    disc = cv2.circle(np.zeros((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8), (RADIUS, RADIUS), RADIUS, 1, -1)
    places = rng.integers(0, SIDE - len(disc), (OBJECTS, 2)).tolist()
    masks = [rle.encode_crop(disc, x, y, SIDE, SIDE) for x, y in places]
    return Detections(np.linspace(0.9, 0.5, OBJECTS), np.zeros(OBJECTS, np.int64), masks)


def run() -> list[Row]:
    """One row for each."""
    return [_large_image(), _small_objects()]


def _large_image() -> Row:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    rgb = np.asarray(cv2.resize(noise, (SIDE, SIDE)), np.uint8)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "image.jpg"
        floor = cpu_milliseconds(lambda: save_image(source, rgb)) / 1000
        item = SourceItem(source.as_posix(), None, Path("image"), rgb)

        def write() -> None:
            InstanceResult(item, _found(), ClassMap(("cell",))).write_files(folder / "found", "compact")

        ours = cpu_milliseconds(write) / 1000
    name = f"files of {OBJECTS} objects, {SIDE * SIDE / 1e6:.1f} Mpx"
    return Row(name, f"{ours:.2f} CPU-s", f"{floor:.2f} CPU-s (JPEG alone)", floor / ours, BAR)


def _small_objects() -> Row:
    """Decoding, masks out of the network's maps, and all files, for objects as trained networks find them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        weights = save_instance_weights(folder / "best_model", names=("cell",), side=SMALL_SIDE)
        config = configure(MODEL, make_rectangles(folder / "data"), folder, size=SMALL_SIDE, Export={"verify": False})
        export_weights(weights, folder / "inference", config)
        model = ExportedModel.open(folder / "inference")
        runtime = open_on(model, "onnxruntime")
        source, boxes, prototypes = folder / "image.png", _grid(), _one_map()
        cv2.imwrite(str(source), np.random.default_rng(0).integers(0, 255, (SMALL_SIDE, SMALL_SIDE, 3), np.uint8))
        weights_of_maps = np.eye(1, len(prototypes), dtype=np.float32).repeat(len(boxes), axis=0)
        scores, classes = np.linspace(0.9, 0.5, len(boxes)), np.zeros(len(boxes), np.int64)
        image = prepare(read_image(source), model.preprocess)

        def after() -> None:
            rgb = read_image(source)
            feeds = joined_feeds([prepare(rgb, model.preprocess)])
            assert feeds
            masks = list(paste_in_boxes(weights_of_maps, prototypes, boxes, SMALL_SIDE, SMALL_SIDE))
            item = SourceItem(source.as_posix(), None, Path("image"), rgb)
            found = Detections(scores, classes, masks, boxes)
            InstanceResult(item, found, ClassMap(("cell",))).write_files(folder / "found", "compact")

        network = cpu_milliseconds(lambda: runtime.run_named(joined_feeds([image])), RUNS)
        rest = cpu_milliseconds(after, RUNS)
    name = f"{len(boxes)} objects on {SMALL_SIDE} px, all but the network of {MODEL}"
    return Row(name, f"{rest:.1f} CPU-ms", f"{network:.1f} CPU-ms (network)", network / rest, SMALL_BAR)


def _grid() -> NDArray[np.float64]:
    """Boxes of 98 discs."""
    step = SMALL_SIDE / 10
    corners = [(column * step + 1, row * step + 1) for row in range(10) for column in range(10)][:SMALL_OBJECTS]
    return np.array([(x, y, x + step - 2, y + step - 2) for x, y in corners])


def _one_map() -> NDArray[np.float32]:
    """Maps as the network makes them, of which one holds all discs."""
    drawn = np.full((SMALL_SIDE, SMALL_SIDE), -5, np.float32)
    for left, top, right, bottom in _grid():
        middle, sides = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
        cv2.ellipse(drawn, (middle, sides, 0.0), 5, -1)
    maps = np.zeros((32, SMALL_SIDE // 4, SMALL_SIDE // 4), np.float32)
    maps[0] = cv2.resize(drawn, maps.shape[:0:-1], interpolation=cv2.INTER_AREA)
    return maps
