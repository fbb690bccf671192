"""pycocotools on the same images: the numbers that ours must equal."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.metrics.instance_report import AveragePrecision


def coco_truth(samples: Sequence[InstanceSample], classes: Sequence[str]) -> dict[str, Any]:
    """The content of a COCO file."""
    annotations = [
        {
            "image_id": sample.image_id,
            "category_id": value.class_id + 1,
            "segmentation": value.segmentation
            if isinstance(value.segmentation, dict)
            else [list(ring) for ring in value.segmentation],
            "bbox": list(value.box),
            "area": value.area_px,
            "iscrowd": int(value.is_crowd),
        }
        for sample in samples
        for value in sample.objects
    ]
    return {
        "images": [{"id": s.image_id, "width": s.width, "height": s.height} for s in samples],
        "annotations": [{"id": number, **entry} for number, entry in enumerate(annotations, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
    }


def coco_results(samples: Sequence[InstanceSample], found: Sequence[Detections], kind: str) -> list[dict[str, Any]]:
    """The content of a results file; masks without boxes, as PaddleDetection writes them."""
    results = []
    for sample, detections in zip(samples, found, strict=True):
        for index, class_id in enumerate(detections.classes):
            common = {
                "image_id": sample.image_id,
                "category_id": int(class_id) + 1,
                "score": float(detections.scores[index]),
            }
            if kind == "segm":
                results.append({**common, "segmentation": dict(detections.masks[index])})
            else:
                left, top, right, bottom = (float(value) for value in detections.boxes[index])
                results.append({**common, "bbox": [left, top, right - left, bottom - top]})
    return results


def oracle(
    truth: dict[str, Any], results: list[dict[str, Any]], kind: str, *, most: int = 100, sizes: tuple[float, ...] = ()
) -> COCOeval:
    """pycocotools' evaluation, summed up; `.stats` holds the twelve numbers."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), kind)
        evaluation.params.maxDets = [1, 10, most]
        if sizes:
            small, large = (side**2 for side in sizes)
            evaluation.params.areaRng = [[0, 1e10], [0, small], [small, large], [large, 1e10]]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def summed_up(precision, recall) -> AveragePrecision:
    """The twelve numbers of tables as pycocotools' `eval` holds them, with their last limit of detections."""

    def mean(values):
        present = values[values > -1]
        return float(present.mean()) if present.size else None

    every, at_most = precision[..., 0, 2], [recall[..., 0, 0], recall[..., 0, 1], recall[..., 0, 2]]
    sizes = range(1, 4)
    return AveragePrecision(
        *(mean(values) for values in (every, every[0], every[5], *(precision[..., size, 2] for size in sizes))),
        *(mean(values) for values in (*at_most, *(recall[..., size, 2] for size in sizes))),
    )


def twelve(summary) -> np.ndarray:
    """Our numbers in pycocotools' order, -1 for None."""
    from dataclasses import astuple

    return np.array([-1.0 if value is None else value for value in astuple(summary)])
