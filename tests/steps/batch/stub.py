"""A batch whose model needs no weights; as a program a worker of it: ``python -m ... DIR NUMBER WORKERS``."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from segcli.data.classes import ClassMap
from segcli.models.spec import Preprocess
from segcli.steps.batch import worker
from segcli.steps.batch.job import Job
from segcli.steps.batch.manifest import write_manifest
from segcli.steps.batch.sources import Source, rows_of
from segcli.steps.predict.semantic_results import SegResult

CLASSES = ClassMap(("dark", "bright"))


class StubModel:
    """Bright pixels are of class 1; it fails at images 13 pixels high, and dies at those called ``deadly``."""

    def __init__(self) -> None:
        self.predictor = SimpleNamespace(model=SimpleNamespace(preprocess=Preprocess()))

    def predict_items(self, items, settings):
        time.sleep(float(os.environ.get("STUB_PAUSE", "0")))
        for item in items:
            if "deadly" in item.input_path:
                os.kill(os.getpid(), signal.SIGKILL)
            if item.rgb.shape[0] == 13:
                raise RuntimeError("13 is no size")
        return [SegResult(item, (item.rgb[..., 0] > 99).astype(np.uint8), CLASSES) for item in items]


def make_images(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = np.zeros((12, 16, 3), np.uint8)
        image[:, : number % 16] = 255
        cv2.imwrite(str(folder / f"i{number:03d}.png"), image)
    return folder


def make_job(out: Path, images: Path, *, shard_size: int = 4, masks: str = "coco", lease_s: float = 60.0) -> Job:
    out.mkdir(parents=True, exist_ok=True)
    source = Source.of(str(images))
    manifest = write_manifest(out, rows_of(source, shard_size, digests=True))
    job = Job(
        folder=out,
        source=source.path,
        source_digest=source.digest,
        model_name="UNet-S",
        model_dir="",
        model_digest="",
        device="cpu",
        settings={"batch_size": 2},
        masks=masks,
        shard_size=shard_size,
        lease_s=lease_s,
        images=manifest.images,
        shards=manifest.shards,
    )
    job.save()
    return job


def stub_work(folder: Path, number: int = 0, workers: int = 1) -> int:
    before = worker._open
    worker._open = lambda *_: StubModel()
    try:
        return worker.work(str(folder), number, workers)
    finally:
        worker._open = before


if __name__ == "__main__":
    stub_work(Path(sys.argv[1]), *map(int, sys.argv[2:]))
