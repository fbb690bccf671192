"""A full check of a dataset against plain decoding of the same files with OpenCV, on one core and on all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from segcli.cores import available_cores
from segcli.data.formats.masks import scan_lists
from segcli.data.palette import png_palette
from segcli.data.samples import SegSample
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.bench.table import Row

IMAGES = 150
"""Of fewer images, each is one of those whose labels are compared with its edges, which costs a twentieth more."""
SIZE_PX = (1280, 720)
CLASSES = 6
REPEATS = 3
BAR = 0.85


def _write_dataset(root: Path, suffix: str, *, palette: bool) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True)
    lines = []
    for number in range(IMAGES):
        coarse = cv2.resize(rng.integers(0, 255, (24, 40, 3), np.uint8), SIZE_PX, interpolation=cv2.INTER_CUBIC)
        noise = rng.integers(-12, 13, (SIZE_PX[1], SIZE_PX[0], 1))
        rgb = np.clip(coarse.astype(int) + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / f"images/{number}{suffix}"), rgb)
        ids = cv2.resize(rng.integers(0, CLASSES, (9, 16), np.uint8), SIZE_PX, interpolation=cv2.INTER_NEAREST)
        mask = Image.fromarray(ids)
        if palette:
            mask.putpalette(png_palette(CLASSES))
        mask.save(root / f"annotations/{number}.png")
        lines.append(f"images/{number}{suffix} annotations/{number}.png\n")
    (root / "train.txt").write_text("".join(lines[: IMAGES // 2]))
    (root / "val.txt").write_text("".join(lines[IMAGES // 2 :]))
    (root / "class_name.txt").write_text("_background_\n" + "".join(f"class {i}\n" for i in range(1, CLASSES)))


def _decode(sample: SegSample) -> None:
    assert cv2.imread(str(sample.image), cv2.IMREAD_COLOR) is not None
    assert cv2.imread(str(sample.mask), cv2.IMREAD_UNCHANGED) is not None


def _decode_all(root: Path, workers: int) -> None:
    lists = scan_lists(root)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_decode, (*lists.train, *lists.val)))


def _least(jobs: tuple[Callable[[], object], ...], clock: Callable[[], float]) -> list[float]:
    """The least seconds of each job, taken in turn so that a busy machine slows all alike."""
    least = [float("inf")] * len(jobs)
    for _ in range(REPEATS):
        for index, job in enumerate(jobs):
            begin = clock()
            job()
            least[index] = min(least[index], clock() - begin)
    return least


def _row(name: str, root: Path, workers: int, clock: Callable[[], float]) -> Row:
    def check() -> None:
        assert not examine_seg_dataset(root, settings=PassSettings(workers=workers)).findings

    ours, plain = _least((check, lambda: _decode_all(root, workers)), clock)
    rates = [f"{IMAGES / seconds:.0f} images/s" for seconds in (ours, plain)]
    return Row(name, rates[0], rates[1], plain / ours, BAR)


def run() -> list[Row]:
    """Images checked against images decoded: per CPU second in one thread, per second on all cores."""
    cores = available_cores()
    width, height = SIZE_PX
    with tempfile.TemporaryDirectory() as folder:
        photos, graphics = Path(folder) / "photos", Path(folder) / "graphics"
        _write_dataset(photos, ".jpg", palette=False)
        _write_dataset(graphics, ".png", palette=True)
        return [
            _row(f"check of JPEG and grey masks, {width}x{height}, one core", photos, 1, time.process_time),
            _row(f"check of JPEG and grey masks, {width}x{height}, {cores} cores", photos, cores, time.perf_counter),
            _row(f"check of PNG and palette masks, {width}x{height}, one core", graphics, 1, time.process_time),
        ]
