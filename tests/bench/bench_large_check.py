"""A list of very many lines and a file of very many annotations: CPU time a line, and memory above the interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from tests.bench.table import Row

LINES, SIDE_PX = 5_000, 16
BAR_LINE_US = 80.0
ANNOTATIONS, IMAGES, CORNERS = 20_000, 500, 40
BAR_OBJECTS_MB = 300.0

MEASURE = """
import re, sys, time
from pathlib import Path
import cv2, numpy, PIL, simplejpeg, pydantic
from segcli.steps.check.settings import PassSettings
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset

def peak():
    # ru_maxrss would begin with what the parent has
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

examine = {"seg": examine_seg_dataset, "coco": examine_coco_dataset}[sys.argv[1]]
before, begin = peak(), time.process_time()
examine(Path(sys.argv[2]), settings=PassSettings(workers=1))
print("MEASURED", time.process_time() - begin, peak() - before)
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


def _measured(kind: str, root: Path) -> tuple[float, float]:
    """CPU seconds, and megabytes above what the interpreter has with its libraries."""
    done = subprocess.run([sys.executable, "-c", MEASURE, kind, str(root)], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED"))
    seconds, megabytes = map(float, line.split()[1:])
    return seconds, megabytes


def run() -> list[Row]:
    """The time of a line in the first, the memory of the second."""
    with tempfile.TemporaryDirectory() as folder:
        lines, objects = Path(folder) / "lines", Path(folder) / "objects"
        _write_lines(lines)
        _write_annotations(objects)
        (seconds, _), (_, object_mb) = _measured("seg", lines), _measured("coco", objects)
    line_us = 1e6 * seconds / LINES
    name = f"check of {ANNOTATIONS:,} annotations, memory above the interpreter"
    return [
        Row(f"check of a list, {SIDE_PX} px PNG, a line", f"{line_us:.0f} us", f"{BAR_LINE_US:.0f} us (bar)",
            BAR_LINE_US / line_us, 1.0),
        Row(name, f"{object_mb:.0f} MB", f"{BAR_OBJECTS_MB:.0f} MB (bar)", BAR_OBJECTS_MB / object_mb, 1.0),
    ]  # fmt: skip
