"""A list of very many lines and a file of very many annotations: CPU time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from tests.bench.table import Row

LINES, SIDE_PX = 100_000, 16
ROUNDS = 3
"""Of which the least counts: other work on the machine makes a run slower, never faster."""
BAR_SECONDS, BAR_LINES_MB = 8.0, 250.0
ANNOTATIONS, IMAGES, CORNERS = 20_000, 500, 40
BAR_OBJECTS_MB = 300.0

MEASURE = """
import re, sys, time
from pathlib import Path
import cv2, numpy, PIL, simplejpeg, pydantic
from segcli.steps.check.looks import QUICK
from segcli.steps.check.settings import PassSettings
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset

def peak():
    # ru_maxrss would begin with what the parent has
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

examine = {"seg": examine_seg_dataset, "coco": examine_coco_dataset}[sys.argv[1]]
before, begin = peak(), time.process_time()
decoded = QUICK if sys.argv[3:] == ["quick"] else None
examine(Path(sys.argv[2]), settings=PassSettings(workers=1, decoded=decoded))
print("MEASURED", time.process_time() - begin, peak(), before)
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


def _least(kind: str, root: Path, *options: str) -> tuple[float, float, float]:
    """Least CPU seconds and most megabytes of a few processes, see `_measured`."""
    seconds, most, before = zip(*(_measured(kind, root, *options) for _ in range(ROUNDS)), strict=True)
    return min(seconds), max(most), min(before)


def _measured(kind: str, root: Path, *options: str) -> tuple[float, float, float]:
    """CPU seconds, the most megabytes of the process, and those of the interpreter with its libraries."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, kind, str(root), *options], capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED"))
    seconds, most, before = map(float, line.split()[1:])
    return seconds, most, before


def run() -> list[Row]:
    """The time and memory of the list, all or few of its images decoded, and the memory of the annotations."""
    with tempfile.TemporaryDirectory() as folder:
        lines, objects = Path(folder) / "lines", Path(folder) / "objects"
        _write_lines(lines)
        _write_annotations(objects)
        decoding = min(_decoding_seconds(lines) for _ in range(ROUNDS))
        (_, object_mb, before_mb), *checks = (
            _measured("coco", objects),
            _least("seg", lines),
            _least("seg", lines, "quick"),
        )
    rows = []
    for kind, (seconds, megabytes, _) in zip(("check", "quick check"), checks, strict=True):
        name = f"{kind} of a list of {LINES:,} lines, {SIDE_PX} px PNG"
        floor = f", {decoding:.1f} CPU-s (plain decoding)" if kind == "check" else ""
        seconds_bar = f"{BAR_SECONDS:.0f} CPU-s (bar){floor}"
        rows += [
            Row(name, f"{seconds:.1f} CPU-s", seconds_bar, BAR_SECONDS / seconds, 1.0),
            _memory_row(f"{name}, memory of the process", megabytes, BAR_LINES_MB),
        ]
    return [
        *rows,
        _memory_row(
            f"check of {ANNOTATIONS:,} annotations, memory above the interpreter", object_mb - before_mb, BAR_OBJECTS_MB
        ),
    ]


def _memory_row(name: str, megabytes: float, bar: float) -> Row:
    return Row(name, f"{megabytes:.0f} MB", f"{bar:.0f} MB (bar)", bar / megabytes, 1.0)
