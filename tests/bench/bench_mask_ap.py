"""Box and mask AP of 1,000 images against pycocotools, and masks put into an image against the whole-image way."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from pycocotools import mask as coco_mask

from segcli.data.classes import ClassMap
from segcli.inference.paste import paste_masks
from segcli.metrics.image_pairs import true_masks
from segcli.metrics.mask_ap import MaskAP
from tests.bench.table import Row
from tests.metrics import instances
from tests.metrics.coco_oracle import coco_results, coco_truth, oracle, twelve
from tests.metrics.instances import make_images

IMAGES = 1000
CLASSES = tuple(f"class {number}" for number in range(20))
OBJECTS, FOUND = 10, 30
COUNTS = ((7, 22), (10, 30), (20, 60))
MASKS, HEIGHT, WIDTH = 100, 480, 640


def _cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _ap_row() -> Row:
    samples, found = make_images(IMAGES, classes=len(CLASSES), objects=OBJECTS, found=FOUND)
    numbers = {}

    def ours() -> None:
        accumulator = MaskAP(ClassMap(CLASSES))
        for sample, detections in zip(samples, found, strict=True):
            accumulator.update(sample, detections)
        report = accumulator.compute()
        numbers["ours"] = np.concatenate([twelve(report.mask), twelve(report.box)])

    results = {kind: coco_results(samples, found, kind) for kind in ("segm", "bbox")}

    def theirs() -> None:
        stats = [oracle(coco_truth(samples, CLASSES), results[kind], kind).stats for kind in ("segm", "bbox")]
        numbers["theirs"] = np.concatenate(stats)

    measured, reference = min(_cpu_seconds(ours) for _ in range(2)), _cpu_seconds(theirs)
    assert np.abs(numbers["ours"] - numbers["theirs"]).max() < 1e-9, "the numbers differ from pycocotools'"
    name = f"box and mask AP of {IMAGES} images, pycocotools"
    return Row(name, f"{measured:.2f} CPU-s", f"{reference:.2f} CPU-s", reference / measured, 10.0)


def _floor_row(objects: int, found: int) -> Row:
    """Our time beside that of pycocotools' own functions which it needs: filled polygons and the IoU of masks."""
    samples, detected = make_images(IMAGES, classes=len(CLASSES), objects=objects, found=found)
    outlines = [
        [one.segmentation[0] for one in sample.objects if isinstance(one.segmentation, tuple)] for sample in samples
    ]
    truths = [true_masks(sample) for sample in samples]
    crowds = [[one.is_crowd for one in sample.objects] for sample in samples]

    def ours() -> None:
        accumulator = MaskAP(ClassMap(CLASSES))
        for sample, detections in zip(samples, detected, strict=True):
            accumulator.update(sample, detections)
        accumulator.compute()

    def tools() -> None:
        for polygons, truth, crowd, detections in zip(outlines, truths, crowds, detected, strict=True):
            coco_mask.frPyObjects(polygons, instances.HEIGHT, instances.WIDTH)
            coco_mask.iou(list(detections.masks), truth, crowd)

    measured, floor = (min(_cpu_seconds(work) for _ in range(3)) for work in (ours, tools))
    name = f"AP of {IMAGES} images of {objects} objects and {found} detections, polygons and IoU of pycocotools alone"
    return Row(name, f"{measured:.2f} CPU-s", f"{floor:.2f} CPU-s", floor / measured, 0.4)


def _paste_row() -> Row:
    import paddle

    rng = np.random.default_rng(0)
    masks = rng.random((MASKS, 28, 28), np.float32)
    corner, size = rng.uniform(0, 400, (MASKS, 2)), rng.uniform(8, 240, (MASKS, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)

    def whole_images() -> None:
        y, x = np.arange(HEIGHT, dtype=np.float32) + 0.5, np.arange(WIDTH, dtype=np.float32) + 0.5
        left, top, right, bottom = boxes.T[:, :, None]
        grid_x, grid_y = (x - left) / (right - left) * 2 - 1, (y - top) / (bottom - top) * 2 - 1
        shape = (MASKS, HEIGHT, WIDTH)
        grid = np.stack([np.broadcast_to(grid_x[:, None], shape), np.broadcast_to(grid_y[:, :, None], shape)], axis=3)
        pasted = paddle.nn.functional.grid_sample(
            paddle.to_tensor(masks[:, None]), paddle.to_tensor(grid), align_corners=False
        )
        inside = (pasted.numpy()[:, 0] >= 0.5).astype(np.uint8)
        for mask in inside:
            coco_mask.encode(np.asfortranarray(mask))

    measured = min(_cpu_seconds(lambda: list(paste_masks(masks, boxes, HEIGHT, WIDTH))) for _ in range(5))
    reference = _cpu_seconds(whole_images)
    return Row(
        f"{MASKS} masks put into an image and coded, PaddleDetection's way",
        f"{measured * 1e3:.1f} ms",
        f"{reference * 1e3:.0f} ms",
        reference / measured,
        100.0,
    )


def run() -> list[Row]:
    """CPU seconds of both, on the same images; the numbers must be equal."""
    return [_ap_row(), *(_floor_row(*counts) for counts in COUNTS), _paste_row()]
