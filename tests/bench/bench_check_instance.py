"""A full check of a COCO dataset against plain decoding of the same images with OpenCV, on one core and on two."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from segcli.cores import available_cores
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.bench.commands import check_measured
from tests.bench.cores import BIND, row
from tests.bench.table import Row

IMAGES, OBJECTS, CORNERS = 200, 20, 40
"""Of fewer images, each is one of those whose labels are compared with its edges, which costs a tenth more."""
SIZE = (1280, 720)
MANY, SMALL_SIZE = 1000, (640, 480)
ROUNDS, COMMANDS = 5, 3
BAR, COMMAND_BAR = 0.85, 0.8
TWO_CORES_BAR = 1.6

CHECK = f"""
{BIND}
import time
from pathlib import Path
from statistics import median
from segcli.steps.check.instance import examine_coco_dataset
seconds = []
for _ in range(6):
    begin = time.perf_counter()
    examine_coco_dataset(Path(sys.argv[2]))
    seconds.append(time.perf_counter() - begin)
print("SECONDS", median(seconds[1:]))
"""


def _write_dataset(root: Path, count: int, image_size: tuple[int, int]) -> None:
    width, height = image_size
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    for part in ("train", "val"):
        entries, annotations = [], []
        for number in range(count // 2):
            coarse = cv2.resize(rng.integers(0, 255, (24, 40, 3), np.uint8), (width, height))
            image = np.clip(coarse + rng.integers(-12, 13, (height, width, 1)), 0, 255).astype(np.uint8)
            name = f"{part}_{number}.jpg"
            cv2.imwrite(str(root / "images" / name), image)
            entries.append({"id": number, "file_name": name, "width": width, "height": height})
            for _ in range(OBJECTS):
                middle, reach = rng.uniform([100, 100], [width - 100, height - 100]), rng.uniform(10, 90, CORNERS)
                points = middle + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
                low, size = points.min(axis=0), np.ptp(points, axis=0)
                area = float(cv2.contourArea(points.astype(np.float32)))
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                     "bbox": [*low.tolist(), *size.tolist()], "area": area,
                     "segmentation": [points.ravel().tolist()]}
                )  # fmt: skip
        content = {"images": entries, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
        (root / f"annotations/instance_{part}.json").write_text(json.dumps(content))


def _rounds(jobs: Sequence[Callable[[], object]]) -> list[list[float]]:
    """CPU seconds of each job, run in turn so that a busy machine slows all alike."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append([])
        for job in jobs:
            begin = time.process_time()
            job()
            rounds[-1].append(time.process_time() - begin)
    return rounds


def run() -> list[Row]:
    """Images a CPU second, every image decoded and every outline tested; and what a second core gains, in wall time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_dataset(root, IMAGES, SIZE)
        images = sorted((root / "images").iterdir())

        def decode() -> None:
            assert all(cv2.imread(str(path)) is not None for path in images)

        def check() -> None:
            assert not examine_coco_dataset(root, settings=PassSettings(workers=1)).findings

        measured = _rounds((check, decode))
        ours, plain = (_rate(median(values)) for values in zip(*measured, strict=True))
        ratio = median(floor / own for own, floor in measured)
        rows = [Row("check of COCO data, JPEG, plain decoding", ours, plain, ratio, BAR)]
        if available_cores() > 1:
            rows.append(row("check of COCO data", CHECK, TWO_CORES_BAR, root, rounds=ROUNDS, shown=_rate))
    return [*rows, _whole_command()]


def _whole_command() -> Row:
    """All that a user waits for: start-up, the check, its report, and what is kept for the next one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_dataset(root, MANY, SMALL_SIZE)
        annotations, images = (sorted((root / name).iterdir()) for name in ("annotations", "images"))

        def decoding() -> float:
            begin = time.process_time()
            assert all(json.loads(path.read_text()) for path in annotations)
            assert all(cv2.imread(str(path)) is not None for path in images)
            return time.process_time() - begin

        rounds = [(check_measured(root)[0], decoding()) for _ in range(COMMANDS)]
    ours, floor = map(min, zip(*rounds, strict=True))
    name = f"segcli check of COCO data, {MANY:,} images of 640x480, {MANY * OBJECTS:,} objects, whole process"
    return Row(name, f"{ours:.2f} CPU-s", f"{floor:.2f} CPU-s (plain decoding)", floor / ours, COMMAND_BAR)


def _rate(seconds: float) -> str:
    return f"{IMAGES / seconds:.0f} images/s"
