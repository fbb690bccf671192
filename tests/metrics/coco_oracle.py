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


def oracle(truth: dict[str, Any], results: list[dict[str, Any]], kind: str) -> COCOeval:
    """pycocotools' evaluation, summed up; `.stats` holds the twelve numbers."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def twelve(summary) -> np.ndarray:
    """Our numbers in pycocotools' order, -1 for None."""
    from dataclasses import astuple

    return np.array([-1.0 if value is None else value for value in astuple(summary)])
