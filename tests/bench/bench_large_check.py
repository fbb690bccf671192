"""A list of very many lines and a file of very many annotations: CPU time and memory."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from tests.bench.commands import PEAK, check_measured, printed
from tests.bench.table import Row

LINES, SIDE_PX = 100_000, 16
ROUNDS = 3
"""Of which the least counts: other work on the machine makes a run slower, never faster."""
BAR_SECONDS, BAR_LINES_MB = 8.0, 250.0
ANNOTATIONS, IMAGES, CORNERS = 20_000, 500, 40
BAR_OBJECTS_MB = 300.0

MEASURE_OBJECTS = f"""
import re, sys
from pathlib import Path
import cv2, numpy, PIL, simplejpeg, pydantic
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
{PEAK}
before = peak()
examine_coco_dataset(Path(sys.argv[1]), settings=PassSettings(workers=1))
print("MEASURED", peak(), before)
"""


def _write_lines(root: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True)
    lines = []
    for number in range(LINES):
        cv2.imwrite(str(root / f"images/{number}.png"), rng.integers(0, 255, (SIDE_PX, SIDE_PX, 3), np.uint8))
        cv2.imwrite(str(root / f"annotations/{number}.png"), rng.integers(0, 2, (SIDE_PX, SIDE_PX), np.uint8))
        lines.append(f"images/{number}.png annotations/{number}.png\n")
    (root / "train.txt").write_text("".join(lines[: LINES * 4 // 5]))
    (root / "val.txt").write_text("".join(lines[LINES * 4 // 5 :]))
    (root / "class_name.txt").write_text("a\nb\n")


def _write_annotations(root: Path) -> None:
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for part in ("train", "val"):
        images, annotations = [], []
        for number in range(IMAGES // 2):
            name = f"{part}_{number}.jpg"
            coarse = rng.integers(0, 255, (8, 8, 3), np.uint8)
            cv2.imwrite(str(root / "images" / name), cv2.resize(coarse, (320, 240)))
            images.append({"id": number, "file_name": name, "width": 320, "height": 240})
            for _ in range(ANNOTATIONS // IMAGES):
                points = rng.uniform([50, 50], [270, 190]) + rng.uniform(5, 45, (CORNERS, 1)) * directions
                low, size = points.min(axis=0), np.ptp(points, axis=0)
                area = float(cv2.contourArea(points.astype(np.float32)))
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "area": area,
                     "bbox": [*low.tolist(), *size.tolist()], "segmentation": [points.ravel().tolist()]}
                )  # fmt: skip
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
        (root / f"annotations/instance_{part}.json").write_text(json.dumps(content))


def _decoding_seconds(root: Path) -> float:
    """CPU seconds to open, read and decode every file of the list, with nothing else done."""
    begin = time.process_time()
    for number in range(LINES):
        for folder, flags in (("images", cv2.IMREAD_COLOR), ("annotations", cv2.IMREAD_UNCHANGED)):
            assert cv2.imread(f"{root}/{folder}/{number}.png", flags) is not None
    return time.process_time() - begin


def _least(root: Path, *options: str) -> tuple[float, float]:
    """Least CPU seconds and most megabytes of `segcli check`, of a few processes."""
    seconds, megabytes = zip(*(check_measured(root, *options) for _ in range(ROUNDS)), strict=True)
    return min(seconds), max(megabytes)


def run() -> list[Row]:
    """The time and memory of the list, all or few of its images decoded, and the memory of the annotations."""
    with tempfile.TemporaryDirectory() as folder:
        lines, objects = Path(folder) / "lines", Path(folder) / "objects"
        _write_lines(lines)
        _write_annotations(objects)
        decoding = min(_decoding_seconds(lines) for _ in range(ROUNDS))
        object_mb, before_mb = printed(MEASURE_OBJECTS, str(objects))
        checks = {"": _least(lines), " --quick": _least(lines, "--quick")}
    rows = []
    for option, (seconds, megabytes) in checks.items():
        name = f"segcli check{option} of a list of {LINES:,} lines, {SIDE_PX} px PNG, whole process"
        floor = "" if option else f", {decoding:.1f} CPU-s (plain decoding)"
        seconds_bar = f"{BAR_SECONDS:.0f} CPU-s (bar){floor}"
        rows += [
            Row(name, f"{seconds:.1f} CPU-s", seconds_bar, BAR_SECONDS / seconds, 1.0),
            _memory_row(f"{name}, memory", megabytes, BAR_LINES_MB),
        ]
    return [
        *rows,
        _memory_row(
            f"check of {ANNOTATIONS:,} annotations, memory above the interpreter", object_mb - before_mb, BAR_OBJECTS_MB
        ),
    ]


def _memory_row(name: str, megabytes: float, bar: float) -> Row:
    return Row(name, f"{megabytes:.0f} MB", f"{bar:.0f} MB (bar)", bar / megabytes, 1.0)
