"""Average precision of masks and boxes as defined by COCO, accumulated image by image.

Lin et al., "Microsoft COCO: Common Objects in Context" (2014), and cocodataset/cocoapi: precision at 101 recalls,
averaged over IoU 0.50:0.05:0.95 and the classes; at most 100 detections per image and class. Only the overlaps of
objects and detections are kept, no masks; the tests compare with pycocotools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.metrics.image_facts import UNKNOWN, Look
from segcli.metrics.image_pairs import ImagePairs, image_pairs, true_masks
from segcli.metrics.image_rows import Row
from segcli.metrics.instance_report import ImageFacts, InstanceReport, Measured
from segcli.metrics.matching import Limits
from segcli.metrics.object_pairs import Pairs, pairs_of_boundaries, pairs_of_boxes, pairs_of_masks
from segcli.metrics.panoptic import count_segments


@dataclass(frozen=True)
class _Image:
    pairs: ImagePairs
    facts: ImageFacts
    segments: Row | None = None


class MaskAP:
    """Accumulator of mask and box AP.

    Args:
        classes: The classes; ids in objects and detections are indices into it.
        limits: Limits of the matching; COCO's by default.
        boundary: Also measures boundary AP, a few milliseconds per image.
        panoptic_score: Also measures panoptic quality, of detections with at least this score; None does not.
    """

    def __init__(
        self,
        classes: ClassMap,
        limits: Limits | None = None,
        *,
        boundary: bool = False,
        panoptic_score: float | None = None,
    ) -> None:
        self.classes = classes
        self.limits = limits or Limits()
        self.boundary = boundary
        self.panoptic_score = panoptic_score
        self._images: dict[int, _Image] = {}

    def update(self, sample: InstanceSample, detections: Detections, look: Look = UNKNOWN) -> None:
        """Adds one image; its pixels are not kept.

        Raises:
            ValueError: The image was added before, or a class id is not one of the classes.
        """
        if sample.image_id in self._images:
            raise ValueError(f"image {sample.image_id} was already added")
        classes = np.asarray(detections.classes, np.int64)
        if classes.size and not 0 <= classes.min() <= classes.max() < len(self.classes):
            raise ValueError(f"class ids {classes.min()} to {classes.max()}, but there are {len(self.classes)} classes")
        facts = ImageFacts(sample.width, sample.height, look)
        truth = true_masks(sample)
        pairs = image_pairs(sample, truth, detections, boundary=self.boundary)
        least, count = self.panoptic_score, len(self.classes)
        segments = None if least is None else count_segments(sample, truth, detections, count, least)
        self._images[sample.image_id] = _Image(pairs, facts, segments)

    def merge(self, other: MaskAP) -> None:
        """Adds another accumulator, of other images of the same dataset.

        Raises:
            ValueError: Both contain the same image, or their classes or limits differ.
        """
        twice = self._images.keys() & other._images.keys()
        if twice:
            raise ValueError(f"{len(twice)} images were already added")
        if (self.classes, self.limits) != (other.classes, other.limits):
            raise ValueError("the accumulators have different classes or limits")
        self._images.update(other._images)

    def compute(self) -> InstanceReport:
        """All metrics for the images so far; more can be added afterwards."""
        ids = sorted(self._images)
        images = [self._images[image_id] for image_id in ids]
        stored = [one.pairs for one in images]
        pairs = pairs_of_masks(stored)
        masks, boxes = self._measured(pairs), self._measured(pairs_of_boxes(stored, pairs))
        boundaries = self._measured(pairs_of_boundaries(stored, pairs)) if self.boundary else None
        segments = [one.segments for one in images if one.segments is not None]
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
            most_objects=int(per_image.max(initial=0)),
            masks=masks,
            boxes=boxes,
            image_ids=tuple(ids),
            facts=tuple(one.facts for one in images),
            boundaries=boundaries,
            segments=np.array(segments).reshape(len(segments), -1) if segments else None,
        )

    def _measured(self, pairs: Pairs) -> Measured:
        return Measured(pairs, self.classes, self.limits)
