"""A full check of a COCO dataset against plain decoding of the same images with OpenCV, on one core and on two."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from segcli.cores import available_cores
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.bench.table import Row

IMAGES, OBJECTS, CORNERS = 200, 20, 40
"""Of fewer images, each is one of those whose labels are compared with its edges, which costs a tenth more."""
WIDTH, HEIGHT = 1280, 720
REPEATS = 4
BAR = 0.85
TWO_CORES_BAR = 1.6


def _write_dataset(root: Path) -> None:
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    for part in ("train", "val"):
        entries, annotations = [], []
        for number in range(IMAGES // 2):
            coarse = cv2.resize(rng.integers(0, 255, (24, 40, 3), np.uint8), (WIDTH, HEIGHT))
            image = np.clip(coarse + rng.integers(-12, 13, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)
            name = f"{part}_{number}.jpg"
            cv2.imwrite(str(root / "images" / name), image)
            entries.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
            for _ in range(OBJECTS):
                middle, reach = rng.uniform([100, 100], [WIDTH - 100, HEIGHT - 100]), rng.uniform(10, 90, CORNERS)
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


def _least(job: Callable[[int], object], workers: int, clock: Callable[[], float]) -> float:
    seconds = []
    for _ in range(REPEATS):
        begin = clock()
        job(workers)
        seconds.append(clock() - begin)
    return min(seconds)


def run() -> list[Row]:
    """Images a CPU second, every image decoded and every outline tested; and what a second core gains, in wall time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_dataset(root)
        images = sorted((root / "images").iterdir())

        def is_decoded(path: Path) -> bool:
            return cv2.imread(str(path)) is not None

        def decode(workers: int) -> None:
            with ThreadPoolExecutor(workers) as pool:
                assert all(pool.map(is_decoded, images))

        def check(workers: int) -> None:
            assert not examine_coco_dataset(root, settings=PassSettings(workers=workers)).findings

        ours, plain = (_least(job, 1, time.process_time) for job in (check, decode))
        rates = [f"{IMAGES / seconds:.0f} images/s" for seconds in (ours, plain)]
        rows = [Row("check of COCO data, JPEG, plain decoding", rates[0], rates[1], plain / ours, BAR)]
        if available_cores() > 1:
            one, two = (_least(check, workers, time.perf_counter) for workers in (1, 2))
            rates = [f"{IMAGES / seconds:.0f} images/s" for seconds in (two, one)]
            rows.append(Row("check of COCO data, 2 cores against one", rates[0], rates[1], one / two, TWO_CORES_BAR))
    return rows
