"""COCO's numbers for boxes and masks, and what a measurement of instance segmentation found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from segcli.data.classes import ClassMap
from segcli.metrics.average_precision import ClassRanking, average_precision, average_recall, rankings
from segcli.metrics.frequency import Frequencies
from segcli.metrics.image_facts import Look
from segcli.metrics.intervals import Intervals
from segcli.metrics.matching import Limits, Matches, match
from segcli.metrics.object_pairs import Floats, Pairs
from segcli.metrics.panoptic import panoptic_quality

IOU_50, IOU_75 = 0, 5
"""Places of these thresholds among 0.50, 0.55, ..., 0.95."""
ALL_SIZES, SMALL, MEDIUM, LARGE = range(4)
"""Places of the size ranges: areas below 32 x 32 px, up to 96 x 96 px, above."""
FEW = (1, 10)
"""Smaller limits of detections, at which recall is measured too."""


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's twelve numbers; None where no object of that size was there to be found.

    Attributes:
        AP: Mean over IoU 0.50:0.05:0.95.
        AP50: At IoU 0.50.
        AP75: At IoU 0.75.
        AP_small: AP of objects below 32 x 32 px.
        AP_medium: From there to 96 x 96 px.
        AP_large: Above.
        AR_1: Mean recall with one detection per image and class.
        AR_10: With ten.
        AR_100: With as many as `Evaluate.max_detections` allows, 100 in COCO.
        AR_small: AR_100 of objects below 32 x 32 px.
        AR_medium: From there to 96 x 96 px.
        AR_large: Above.
    """

    AP: float | None
    AP50: float | None
    AP75: float | None
    AP_small: float | None
    AP_medium: float | None
    AP_large: float | None
    AR_1: float | None
    AR_10: float | None
    AR_100: float | None
    AR_small: float | None
    AR_medium: float | None
    AR_large: float | None

    @staticmethod
    def of(precision: Floats, recall: Floats) -> AveragePrecision:
        """Sums up.

        Args:
            precision: AP [sizes, classes, thresholds], NaN where there is no object.
            recall: Recall with 1 and 10 detections, then of each size with the most [2 + sizes, classes, thresholds].
        """
        every = precision[ALL_SIZES]
        return AveragePrecision(
            *(_mean(values) for values in (every, every[:, IOU_50], every[:, IOU_75], *precision[SMALL:])),
            *(_mean(values) for values in recall),
        )

    def as_dict(self, max_detections: int) -> dict[str, float | None]:
        """Plain values; the recall with the most detections is named after their number."""
        return {f"AR_{max_detections}" if key == "AR_100" else key: value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class ImageFacts:
    """What is kept of an image itself: pixels, and how it looks."""

    width: int
    height: int
    look: Look


@dataclass(frozen=True)
class Measured:
    """Masks, or boxes, of all images with what was matched.

    Attributes:
        pairs: Objects, detections and their overlaps.
        classes: The classes.
        limits: Limits of the matching.
    """

    pairs: Pairs
    classes: ClassMap
    limits: Limits

    @cached_property
    def matches(self) -> Matches:
        """Which detection found which object."""
        return match(self.pairs, self.limits)

    @cached_property
    def precision(self) -> Floats:
        """AP [sizes, classes, thresholds]; NaN where there is no object."""
        return np.array([[average_precision(ranking) for ranking in of_classes] for of_classes in self._rankings])

    @cached_property
    def recall(self) -> Floats:
        """Recall with 1 and 10 detections, then of each size with the most [2 + sizes, classes, thresholds]."""
        of_few = [self._ranked(ALL_SIZES, few) for few in FEW]
        return np.array(
            [[average_recall(ranking) for ranking in of_classes] for of_classes in (*of_few, *self._rankings)]
        )

    @cached_property
    def _rankings(self) -> list[list[ClassRanking]]:
        """By size range, then by class."""
        return [self._ranked(size, self.limits.max_detections) for size in range(4)]

    def _ranked(self, size: int, most: int) -> list[ClassRanking]:
        return list(rankings(self.pairs, self.matches, len(self.classes), size, most))

    def summary(self) -> AveragePrecision:
        """The twelve numbers over all classes."""
        return AveragePrecision.of(self.precision, self.recall)

    def by_class(self) -> dict[str, AveragePrecision]:
        """The twelve numbers of each class."""
        return {
            name: AveragePrecision.of(self.precision[:, [index]], self.recall[:, [index]])
            for index, name in enumerate(self.classes)
        }


@dataclass(frozen=True)
class InstanceReport:
    """Everything measured on a dataset.

    Attributes:
        mask: Of masks, all classes.
        box: Of boxes, all classes.
        mask_by_class: Of masks, by class name.
        box_by_class: Of boxes, by class name.
        objects_by_class: Objects (crowds left out) by class name.
        images: Images measured.
        detections: Detections given.
        limits: Limits of the matching.
        crowded: Images that hold more objects of one class than the limit of detections.
        masks: What the numbers of masks follow from.
        boxes: What the numbers of boxes follow from.
        image_ids: Ids of the images in the order in which `masks` and `boxes` number them.
        facts: What is kept of each image itself, in that order.
        boundaries: What the numbers of boundaries follow from, where they were measured.
        segments: Counts of `segcli.metrics.panoptic` of each image [images, 4 x classes], where they were measured.
        intervals: How far the numbers of masks would move with other images, where that was computed.
        frequencies: How often the classes occur in training, where that is known.
    """

    mask: AveragePrecision
    box: AveragePrecision
    mask_by_class: Mapping[str, AveragePrecision]
    box_by_class: Mapping[str, AveragePrecision]
    objects_by_class: Mapping[str, int]
    images: int
    detections: int
    limits: Limits
    crowded: int
    masks: Measured = field(compare=False, repr=False)
    boxes: Measured = field(compare=False, repr=False)
    image_ids: tuple[int, ...] = ()
    facts: tuple[ImageFacts, ...] = field(default=(), compare=False, repr=False)
    boundaries: Measured | None = field(default=None, compare=False, repr=False)
    segments: Floats | None = field(default=None, compare=False, repr=False)
    intervals: Intervals = field(default_factory=Intervals, compare=False)
    frequencies: Frequencies | None = None

    @property
    def score(self) -> float | None:
        """Mask AP, the number by which models are compared; None when there is no object."""
        return self.mask.AP

    @property
    def warnings(self) -> list[str]:
        """What makes the numbers lower than the model deserves."""
        if not self.crowded:
            return []
        most = self.limits.max_detections
        return [
            f"{self.crowded} images hold more than {most} objects of one class, and no more detections count: set "
            f"Evaluate.max_detections above the most objects of an image"
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `AP` is PaddleX's key for mask AP."""
        most = self.limits.max_detections
        by_class = {
            name: {
                "objects": count,
                "mask": self.mask_by_class[name].as_dict(most),
                "box": self.box_by_class[name].as_dict(most),
            }
            for name, count in self.objects_by_class.items()
        }
        return {
            "AP": self.score,
            "mask": self.mask.as_dict(most),
            "box": self.box.as_dict(most),
            "classes": by_class,
            "images": self.images,
            "objects": sum(self.objects_by_class.values()),
            "detections": self.detections,
            **self._optional(most),
            "max_detections": most,
            "size_borders_px": list(self.limits.sizes_px),
            "images_above_max_detections": self.crowded,
        }

    def _optional(self, most: int) -> dict[str, Any]:
        """What was measured because the user wanted it."""
        found: dict[str, Any] = {}
        if self.boundaries is not None:
            found["boundary"] = self.boundaries.summary().as_dict(most)
        if self.segments is not None:
            quality = panoptic_quality(self.segments.sum(axis=0))
            by_class = {
                name: {key: _mean(values[[index]]) for key, values in quality.items()}
                for index, name in enumerate(self.objects_by_class)
            }
            found["panoptic"] = {**{key: _mean(values) for key, values in quality.items()}, "classes": by_class}
        if self.frequencies is not None and self.frequencies.groups:
            found["frequency"] = self.frequencies.as_dict({name: one.AP for name, one in self.mask_by_class.items()})
        return found


def _mean(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else None
