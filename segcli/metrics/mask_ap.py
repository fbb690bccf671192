"""Average precision of masks and boxes as COCO defines it, added up image by image.

Lin et al., "Microsoft COCO: Common Objects in Context" (2014), and cocodataset/cocoapi: precision at 101 recalls,
averaged over IoU 0.50:0.05:0.95 and the classes; at most 100 detections an image and class. hotcoco does the matching
at once and keeps a few dozen bytes a detection, no mask; in the tests pycocotools is the oracle.
"""

from __future__ import annotations

import copy
from typing import Any

import hotcoco
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.metrics.instance_report import AveragePrecision, InstanceReport, Values


class MaskAP:
    """Accumulator of mask and box AP.

    Args:
        classes: The classes; ids in objects and detections are indices into it.
    """

    def __init__(self, classes: ClassMap) -> None:
        self.classes = classes
        categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
        self._masks = hotcoco.StreamingEval(categories, "segm")
        self._boxes = hotcoco.StreamingEval(categories, "bbox")
        self._images: set[int] = set()
        self._objects = np.zeros(len(classes), np.int64)
        self._detections = 0

    def update(self, sample: InstanceSample, detections: Detections) -> None:
        """Adds one image.

        Raises:
            ValueError: The image was added before, or a class id is not one of the classes.
        """
        if sample.image_id in self._images:
            raise ValueError(f"image {sample.image_id} is measured a second time")
        classes = np.asarray(detections.classes, np.int64)
        if classes.size and not 0 <= classes.min() <= classes.max() < len(self.classes):
            raise ValueError(f"class ids {classes.min()} to {classes.max()}, but there are {len(self.classes)} classes")
        image = {"id": sample.image_id, "width": sample.width, "height": sample.height}
        truth = [_truth(sample.image_id, number, value) for number, value in enumerate(sample.objects, start=1)]
        boxes, masks = _found(sample.image_id, classes, detections)
        self._masks.update([image], truth, masks)
        self._boxes.update([image], truth, boxes)
        self._images.add(sample.image_id)
        self._objects += np.bincount(
            [value.class_id for value in sample.objects if not value.is_crowd], minlength=len(self.classes)
        )
        self._detections += len(classes)

    def merge(self, other: MaskAP) -> None:
        """Adds what another accumulator has seen of other images of the same dataset.

        Raises:
            ValueError: Both have seen an image, or their classes differ.
        """
        twice = self._images & other._images
        if twice:
            raise ValueError(f"{len(twice)} images are measured a second time")
        if self.classes != other.classes:
            raise ValueError("the accumulators are for different classes")
        self._masks = hotcoco.StreamingEval.merge([self._masks, other._masks])
        self._boxes = hotcoco.StreamingEval.merge([self._boxes, other._boxes])
        self._images |= other._images
        self._objects += other._objects
        self._detections += other._detections

    def compute(self) -> InstanceReport:
        """All numbers for the images so far; more can be added afterwards."""
        masks, boxes = _accumulated(self._masks), _accumulated(self._boxes)
        return InstanceReport(
            mask=AveragePrecision.of(*masks),
            box=AveragePrecision.of(*boxes),
            mask_by_class=self._by_class(*masks),
            box_by_class=self._by_class(*boxes),
            objects_by_class={name: int(count) for name, count in zip(self.classes, self._objects, strict=True)},
            images=len(self._images),
            detections=self._detections,
        )

    def _by_class(self, precision: Values, recall: Values) -> dict[str, AveragePrecision]:
        return {
            name: AveragePrecision.of(precision[:, :, [index]], recall[:, [index]])
            for index, name in enumerate(self.classes)
        }


def _truth(image_id: int, number: int, value: InstanceObject) -> dict[str, Any]:
    outline = value.segmentation
    return {
        "id": number,
        "image_id": image_id,
        "category_id": value.class_id + 1,
        "segmentation": [list(ring) for ring in outline] if isinstance(outline, tuple) else outline,
        "bbox": list(value.box),
        "area": value.area_px,
        "iscrowd": int(value.is_crowd),
    }


def _found(
    image_id: int, classes: NDArray[np.int64], detections: Detections
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The detections as boxes and as masks; a mask without a box, so that its size range follows from its pixels."""
    boxes, masks = [], []
    scores = np.asarray(detections.scores, np.float64).tolist()
    for class_id, score, box, mask in zip(classes.tolist(), scores, _boxes(detections), detections.masks, strict=True):
        common = {"image_id": image_id, "category_id": class_id + 1, "score": score}
        boxes.append({**common, "bbox": box})
        masks.append({**common, "segmentation": mask})
    return boxes, masks


def _boxes(detections: Detections) -> list[list[float]]:
    """Left, top, width and height."""
    if detections.boxes is None:
        return [list(rle.bounding_box(mask)) for mask in detections.masks]
    corners = np.asarray(detections.boxes, np.float64).reshape(-1, 4)
    sides: list[list[float]] = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1).tolist()
    return sides


def _accumulated(stream: hotcoco.StreamingEval) -> tuple[Values, Values]:
    """Precision [thresholds, recalls, classes, sizes, numbers] and recall [thresholds, classes, sizes, numbers]."""
    evaluation = copy.copy(stream).finalize()
    evaluation.accumulate()
    tables: Any = evaluation.eval
    return tables["precision"], tables["recall"]
