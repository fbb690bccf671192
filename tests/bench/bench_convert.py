"""Conversion of LabelMe data: images a CPU second against the rates that are good enough, and against the floor.

The floor parses each file, paints its polygons with Pillow as PaddleX does, and writes what comes out; it looks for no
image, checks nothing, keeps no originals, and lets no reader see half a dataset.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from segcli.cpu import reuse_memory
from segcli.steps.convert.command import apply_conversion, plan_conversion
from tests.bench.peers.environments import PEERS
from tests.bench.peers.timed import seconds
from tests.bench.table import Row
from tests.labelme_folder import convert_config, shape, write_lists

IMAGES, OBJECTS, CORNERS = 200, 4, 20
WIDTH, HEIGHT = 640, 480
REPEATS = 3
FLOOR_BAR = 1 / 1.4


@dataclass(frozen=True)
class Conversion:
    """A conversion and what it is measured against.

    Attributes:
        name: In the table.
        model: For which it converts.
        bar: Images a CPU second that are good enough.
        floor: The least work, for the dataset in a folder.
    """

    name: str
    model: str
    bar: int
    floor: Callable[[Path], None]


def plain_coco(root: Path) -> None:
    """One COCO file of the LabelMe files in `annotations/`, by `json` and Pillow alone."""
    entries = []
    for path in sorted(root.glob("annotations/*.json")):
        values = json.loads(path.read_text())
        canvas = Image.new("L", (values["imageWidth"], values["imageHeight"]))
        draw = ImageDraw.Draw(canvas)
        for one in values["shapes"]:
            ring = list(map(tuple, one["points"]))
            xs, ys = zip(*ring, strict=True)
            draw.polygon(ring, fill=1, outline=1)
            part = canvas.crop((int(min(xs)) - 1, int(min(ys)) - 1, int(max(xs)) + 2, int(max(ys)) + 2))
            area = part.width * part.height - part.histogram()[0]
            draw.polygon(ring, fill=0, outline=0)
            polygon = [value for point in one["points"] for value in point]
            entries.append({"image_id": path.stem, "segmentation": [polygon], "bbox": part.getbbox(), "area": area})
    (root / "instances.json").write_text(json.dumps(entries))


def plain_masks(root: Path) -> None:
    """A label map per LabelMe file in `annotations/`, by `json`, Pillow and OpenCV's PNGs alone."""
    for path in sorted(root.glob("annotations/*.json")):
        values = json.loads(path.read_text())
        canvas = Image.new("L", (values["imageWidth"], values["imageHeight"]))
        draw = ImageDraw.Draw(canvas)
        for one in values["shapes"]:
            draw.polygon(list(map(tuple, one["points"])), fill=1, outline=1)
        cv2.imwrite(str(root / "images" / f"{path.stem}.png"), np.asarray(canvas))


CONVERSIONS = (
    Conversion("LabelMe to COCO", "SOLOv2", 1200, plain_coco),
    Conversion("LabelMe to masks", "PP-LiteSeg-T", 250, plain_masks),
)


LABELME2COCO = """
import sys, time
import labelme2coco

begin = time.process_time()
labelme2coco.convert(sys.argv[1], sys.argv[2])
print("SECONDS", time.process_time() - begin)
"""


def write_dataset(root: Path) -> None:
    """Images in `images/`, LabelMe files in `annotations/`, as PaddleX's documents show it."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    coarse = cv2.resize(rng.integers(0, 255, (24, 32, 3), np.uint8), (WIDTH, HEIGHT))
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    names = [f"{number:04d}" for number in range(IMAGES)]
    for name in names:
        cv2.imwrite(str(root / f"images/{name}.jpg"), coarse)
        shapes = []
        for _ in range(OBJECTS):
            middle, reach = rng.uniform([60, 60], [WIDTH - 60, HEIGHT - 60]), rng.uniform(20, 90, CORNERS)
            points = middle + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            shapes.append(shape(f"class {rng.integers(3)}", *map(tuple, points.tolist())))
        values = {"shapes": shapes, "imagePath": f"{name}.jpg", "imageWidth": WIDTH, "imageHeight": HEIGHT}
        (root / f"annotations/{name}.json").write_text(json.dumps(values))
    listed = [f"annotations/{name}" for name in names]
    write_lists(root, listed[: IMAGES * 4 // 5], listed[IMAGES * 4 // 5 :])


def _images_a_second(source: Path, convert: Callable[[Path], object]) -> float:
    """Images a CPU second, reading and writing included."""
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(source, Path(folder) / "data")
        begin = time.process_time()
        convert(root)
        return IMAGES / (time.process_time() - begin)


def _convert(model: str, root: Path) -> None:
    apply_conversion(plan_conversion(convert_config(root, model)))


def run() -> list[Row]:
    """Both conversions, on one core; beside labelme2coco where `scripts/bench --peers labelme2coco` made it."""
    rows, rates = [], dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "data"
        write_dataset(source)
        reuse_memory()  # for both sides
        for one in CONVERSIONS:
            ours, floor = 0.0, 0.0
            for _ in range(REPEATS):
                ours = max(ours, _images_a_second(source, partial(_convert, one.model)))
                floor = max(floor, _images_a_second(source, one.floor))
            rates[one.name] = ours
            rows += [
                Row(one.name, f"{ours:.0f} images/s", f"{one.bar} images/s (bar)", ours / one.bar, 1.0),
                Row(
                    f"{one.name}, the least work",
                    f"{ours:.0f} images/s",
                    f"{floor:.0f} images/s",
                    ours / floor,
                    FLOOR_BAR,
                ),
            ]
        python = PEERS["labelme2coco"].python()
        if python is not None:
            theirs, ours = _peer_images_a_second(source, python), rates["LabelMe to COCO"]
            name = "LabelMe to COCO, against labelme2coco"
            rows.append(Row(name, f"{ours:.0f} images/s", f"{theirs:.0f} images/s", ours / theirs, 1.0))
    return rows


def _peer_images_a_second(source: Path, python: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        flat = Path(folder) / "flat"
        flat.mkdir()
        for path in (*source.glob("images/*"), *source.glob("annotations/*.json")):
            shutil.copy(path, flat)
        return IMAGES / seconds(python, LABELME2COCO, flat, Path(folder) / "out")
