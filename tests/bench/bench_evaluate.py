"""The `evaluate` command after a training, against PaddleSeg's own `core.evaluate`; same weights and images.

Then what `evaluate` costs besides decoding and prediction: metrics, intervals, drawings, pages and tables.

Training leaves the exported best weights; the conversion to the fast runtime is made by `evaluate`, and counted in the
first row.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import Labels
from segcli.metrics.semantic_measure import predicted
from segcli.steps.evaluate.command import evaluate
from segcli.steps.evaluate.subjects import open_labels
from segcli.steps.export.command import export_weights
from tests.bench.table import Row
from tests.trained_model import MODEL, make_config, save_weights

IMAGES = 60
SHAPE = (512, 1024)
CLASSES = 19
BAR = 3.0
SHARE_IMAGES = 40
SHARES = {19: 0.15, 150: 0.25}
"""Most that `evaluate` may cost besides decoding and prediction, by number of classes."""


def make_dataset(root: Path, images: int = IMAGES, classes: int = CLASSES) -> Path:
    """Samples of random blocks."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    lines = []
    for number in range(images):
        image = cv2.resize(rng.integers(0, 256, (64, 128, 3)).astype(np.uint8), SHAPE[::-1])
        mask = cv2.resize(rng.integers(0, classes, (16, 32)).astype(np.uint8), SHAPE[::-1], interpolation=0)
        cv2.imwrite(str(root / f"images/{number}.jpg"), image)
        cv2.imwrite(str(root / f"masks/{number}.png"), mask)
        lines.append(f"images/{number}.jpg masks/{number}.png\n")
    for part in ("train", "val"):
        (root / f"{part}.txt").write_text("".join(lines))
    (root / "class_name_to_id.txt").write_text("".join(f"{i}: c{i}\n" for i in range(classes)))
    return root


def paddlesegs(weights: Path, data: Path) -> tuple[float, float]:
    """PaddleSeg's own evaluation of the network: its mIoU, and the CPU seconds of the call alone."""
    from segcli.trained import load_trained

    network = load_trained(weights, MODEL).network
    from paddleseg.core.val import evaluate as core_evaluate
    from paddleseg.datasets import Dataset
    from paddleseg.transforms import Normalize

    transforms = [Normalize()]
    dataset: Any = Dataset("val", str(data), transforms, CLASSES, val_path=str(data / "val.txt"))
    begin = cpu_seconds()
    miou = float(core_evaluate(network, dataset, num_workers=0, print_detail=False)[0])
    return miou, cpu_seconds() - begin


def in_its_own_process(weights: Path, data: Path) -> tuple[float, float]:
    """`paddlesegs` in a process that has nothing of ours but the patches without which it does not run.

    What segcli sets for Paddle's kernels is an environment variable, which a child would inherit.
    """
    changed = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MKL_")}
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(paddlesegs, (weights, data))
    finally:
        os.environ.update(changed)


def cpu_seconds() -> float:
    """User and system time of this process and its children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def own_share(classes: int) -> Row:
    """CPU seconds of `evaluate` that are neither prediction nor decoding beside it, once the runtime is chosen.

    Predictions are timed inside of the run: those of another run differ by more than what is left.
    """
    predicting_s = 0.0

    def timed(*args: Any, **options: Any) -> list[Labels]:
        nonlocal predicting_s
        begin = cpu_seconds()
        found = predicted(*args, **options)
        predicting_s += cpu_seconds() - begin
        return found

    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(Path(folder) / "data", SHARE_IMAGES, classes)
        weights = save_weights(Path(folder) / "run" / "best_model", names=open_seg_dataset(data).classes.names)
        config = make_config(Path(folder) / "run", data, Export={"verify": False})
        export_weights(weights, weights.parent / "inference", config)
        with open_labels(config):  # converts and compares the runtimes
            pass
        begin = cpu_seconds()
        with patch("segcli.steps.evaluate.subjects.predicted", timed):
            evaluate(config)
        own_s = cpu_seconds() - begin - predicting_s
    share = own_s / (own_s + predicting_s)
    name = f"evaluate besides decoding and prediction, {classes} classes, 1024 x 512"
    per_image = f"{own_s / SHARE_IMAGES * 1e3:.0f} ms per image, {share:.0%}"
    return Row(name, per_image, f"at most {SHARES[classes]:.0%}", SHARES[classes] / share, 1.0)


def run() -> list[Row]:
    """The command against PaddleSeg, and its own share of the time."""
    return [against_paddleseg(), *map(own_share, SHARES)]


def against_paddleseg() -> Row:
    """CPU seconds of everything between the call and the result; the mIoU must be the same."""
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(Path(folder) / "data")
        weights = save_weights(Path(folder) / "run" / "best_model", names=open_seg_dataset(data).classes.names)
        options = {"Evaluate": {"absent_class": "zero", "log_interval": IMAGES}, "Export": {"verify": False}}
        config = make_config(Path(folder) / "run", data, **options)
        export_weights(weights, weights.parent / "inference", config)
        begin = cpu_seconds()
        result: Any = evaluate(config)
        ours_s = cpu_seconds() - begin
        expected, theirs_s = in_its_own_process(weights, data)
    assert abs(result.report.miou - expected) < 1e-5, (result.report.miou, expected)
    name = f"evaluate {IMAGES} images on {result.runtime}, conversion included"
    return Row(name, f"{ours_s:.1f} CPU-s", f"{theirs_s:.1f} CPU-s", theirs_s / ours_s, BAR)
