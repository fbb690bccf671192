"""Average precision of masks and boxes as COCO defines it, added up image by image.

Lin et al., "Microsoft COCO: Common Objects in Context" (2014), and cocodataset/cocoapi: precision at 101 recalls,
averaged over IoU 0.50:0.05:0.95 and the classes; at most 100 detections per image and class. Of each image the overlaps
of objects and detections are kept, no mask; in the tests pycocotools is the oracle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.metrics.instance_report import ImageFacts, InstanceReport, Measured
from segcli.metrics.matching import Limits
from segcli.metrics.object_pairs import Pairs, pairs_of_boxes, pairs_of_masks


@dataclass(frozen=True)
class _Image:
    masks: Pairs
    boxes: Pairs
    facts: ImageFacts


class MaskAP:
    """Accumulator of mask and box AP.

    Args:
        classes: The classes; ids in objects and detections are indices into it.
        limits: Limits of the matching; COCO's by default.
    """

    def __init__(self, classes: ClassMap, limits: Limits | None = None) -> None:
        self.classes = classes
        self.limits = limits or Limits()
        self._images: dict[int, _Image] = {}

    def update(self, sample: InstanceSample, detections: Detections, brightness: float = math.nan) -> None:
        """Adds one image; of its pixels nothing but the mean grey value is kept.

        Raises:
            ValueError: The image was added before, or a class id is not one of the classes.
        """
        if sample.image_id in self._images:
            raise ValueError(f"image {sample.image_id} is measured a second time")
        classes = np.asarray(detections.classes, np.int64)
        if classes.size and not 0 <= classes.min() <= classes.max() < len(self.classes):
            raise ValueError(f"class ids {classes.min()} to {classes.max()}, but there are {len(self.classes)} classes")
        facts = ImageFacts(sample.width, sample.height, brightness)
        pairs = pairs_of_masks(sample, detections), pairs_of_boxes(sample, detections)
        self._images[sample.image_id] = _Image(*pairs, facts)

    def merge(self, other: MaskAP) -> None:
        """Adds what another accumulator has seen of other images of the same dataset.

        Raises:
            ValueError: Both have seen an image, or their classes or limits differ.
        """
        twice = self._images.keys() & other._images.keys()
        if twice:
            raise ValueError(f"{len(twice)} images are measured a second time")
        if (self.classes, self.limits) != (other.classes, other.limits):
            raise ValueError("the accumulators are for different classes")
        self._images.update(other._images)

    def compute(self) -> InstanceReport:
        """All numbers for the images so far; more can be added afterwards."""
        ids = sorted(self._images)
        images = [self._images[image_id] for image_id in ids]
        masks = Measured(Pairs.joined([one.masks for one in images]), self.classes, self.limits)
        boxes = Measured(Pairs.joined([one.boxes for one in images]), self.classes, self.limits)
        pairs = masks.pairs
        counted = ~pairs.truth_crowd
        objects = np.bincount(pairs.truth_class[counted], minlength=len(self.classes))
        per_image = np.bincount(
            pairs.truth_image[counted] * len(self.classes) + pairs.truth_class[counted],
            minlength=len(ids) * len(self.classes),
        ).reshape(len(ids), len(self.classes))
        return InstanceReport(
            mask=masks.summary(),
            box=boxes.summary(),
            mask_by_class=masks.by_class(),
            box_by_class=boxes.by_class(),
            objects_by_class={name: int(count) for name, count in zip(self.classes, objects, strict=True)},
            images=len(ids),
            detections=len(pairs.found_class),
            limits=self.limits,
            crowded=int((per_image > self.limits.max_detections).any(axis=1).sum()),
            masks=masks,
            boxes=boxes,
            image_ids=tuple(ids),
            facts=tuple(one.facts for one in images),
        )
