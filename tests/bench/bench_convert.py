"""Conversion of datasets: images a CPU second against the rates that are good enough, and against the floor.

The floor parses each file, paints its polygons, with Pillow as PaddleX does or with OpenCV, and writes what comes out;
it looks for no image, checks nothing, keeps no originals, and lets no reader see half a dataset. Images that go into a
new folder are copied by both sides.
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
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from segcli.cpu import reuse_memory
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.steps.convert.command import ConvertOptions, apply_conversion, plan_conversion, transfer_dataset
from tests.bench.peers.environments import PEERS
from tests.bench.peers.timed import seconds
from tests.bench.table import Row
from tests.labelme_folder import convert_config, shape, write_lists

IMAGES, OBJECTS, CORNERS = 200, 4, 20
WIDTH, HEIGHT = 640, 480
NEW = "new"
REPEATS = 3
FLOOR_BAR = 1 / 1.4


@dataclass(frozen=True)
class Conversion:
    """A conversion and what it is measured against.

    Attributes:
        name: In the table.
        source: Folder of the dataset that it converts.
        convert: The conversion of the dataset in a folder.
        floor: The least work for it.
        bar: Images a CPU second that are good enough; None where there is the floor alone.
    """

    name: str
    source: str
    convert: Callable[[Path], object]
    floor: Callable[[Path], None]
    bar: int | None = None


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


def plain_masks_of_coco(root: Path) -> None:
    """A new folder of images and label maps of the COCO files in `annotations/`, by `json` and OpenCV alone.

    OpenCV fills other pixels along the borders than COCO's tools, in less time.
    """
    target = root / NEW
    (target / "annotations").mkdir(parents=True)
    for split, file in ANNOTATION_FILES.items():
        values = json.loads((root / file).read_bytes())
        objects: dict[int, list[dict[str, Any]]] = {}
        for one in values["annotations"]:
            objects.setdefault(one["image_id"], []).append(one)
        lines = []
        for image in values["images"]:
            labels = np.zeros((image["height"], image["width"]), np.uint8)
            for one in objects.get(image["id"], ()):
                rings = [np.array(ring).reshape(-1, 2).round().astype(np.int32) for ring in one["segmentation"]]
                cv2.fillPoly(labels, rings, one["category_id"])
            mask = f"annotations/{Path(image['file_name']).stem}.png"
            cv2.imwrite(str(target / mask), labels)
            lines.append(f"images/{image['file_name']} {mask}\n")
        (target / f"{split.value}.txt").write_text("".join(lines))
    shutil.copytree(root / "images", target / "images", copy_function=shutil.copyfile)


def _convert(model: str, root: Path) -> None:
    apply_conversion(plan_conversion(convert_config(root, model)))


def _transfer(to: str, root: Path) -> None:
    transfer_dataset(root, root / NEW, to, ConvertOptions(allow_lossy=True))  # objects cover each other


CONVERSIONS = (
    Conversion("LabelMe to COCO", "labelme", partial(_convert, "SOLOv2"), plain_coco, 1200),
    Conversion("LabelMe to masks", "labelme", partial(_convert, "PP-LiteSeg-T"), plain_masks, 250),
    Conversion("COCO to masks", "coco", partial(_transfer, "masks"), plain_masks_of_coco),
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


def run() -> list[Row]:
    """All conversions, on one core; beside labelme2coco where `scripts/bench --peers labelme2coco` made it."""
    rows, rates = [], dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "labelme"
        write_dataset(source)
        transfer_dataset(source, Path(folder) / "coco", "coco")
        reuse_memory()  # for both sides
        for one in CONVERSIONS:
            ours, floor = 0.0, 0.0
            for _ in range(REPEATS):
                ours = max(ours, _images_a_second(Path(folder) / one.source, one.convert))
                floor = max(floor, _images_a_second(Path(folder) / one.source, one.floor))
            rates[one.name] = rate = ours
            shown = f"{rate:.0f} images/s"
            if one.bar is not None:
                rows.append(Row(one.name, shown, f"{one.bar} images/s (bar)", rate / one.bar, 1.0))
            rows.append(Row(f"{one.name}, the least work", shown, f"{floor:.0f} images/s", rate / floor, FLOOR_BAR))
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
