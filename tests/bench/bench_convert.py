"""Conversion of LabelMe data: images a CPU second against the rates that are good enough."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from segcli.steps.convert.command import apply_conversion, plan_conversion
from tests.bench.peers.environments import PEERS
from tests.bench.table import Row
from tests.labelme_folder import convert_config, shape, write_lists

IMAGES, OBJECTS, CORNERS = 200, 4, 20
WIDTH, HEIGHT = 640, 480
REPEATS = 3
BARS = {"LabelMe to COCO": ("SOLOv2", 1200), "LabelMe to masks": ("PP-LiteSeg-T", 250)}


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


def _images_a_second(source: Path, model: str) -> float:
    """Images a CPU second, reading and writing included."""
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(source, Path(folder) / "data")
        begin = time.process_time()
        apply_conversion(plan_conversion(convert_config(root, model)))
        return IMAGES / (time.process_time() - begin)


def run() -> list[Row]:
    """Both conversions, on one core; beside labelme2coco where `scripts/bench --peers labelme2coco` made it."""
    rows, rates = [], dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "data"
        write_dataset(source)
        for name, (model, bar) in BARS.items():
            rate = rates[name] = max(_images_a_second(source, model) for _ in range(REPEATS))
            rows.append(Row(name, f"{rate:.0f} images/s", f"{bar} images/s (bar)", rate / bar, 1.0))
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
        command = [python, "-c", LABELME2COCO, str(flat), str(Path(folder) / "out")]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return IMAGES / float(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SECONDS")))
