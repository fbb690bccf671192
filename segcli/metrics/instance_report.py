"""The result of an instance evaluation, with COCO's metrics for masks and boxes."""

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
from segcli.metrics.image_pairs import Floats
from segcli.metrics.intervals import Intervals
from segcli.metrics.matching import Limits, Matches, match
from segcli.metrics.object_pairs import Pairs
from segcli.metrics.panoptic import panoptic_quality
from segcli.plurals import counted

IOU_50, IOU_75 = 0, 5
"""Indices of these thresholds in 0.50, 0.55, ..., 0.95."""
ALL_SIZES, SMALL, MEDIUM, LARGE = range(4)
"""Indices of the size ranges: all areas, below 32 x 32 px, up to 96 x 96 px, above."""
FEW = (1, 10)
"""Smaller limits of detections per image and class, at which recall is also measured."""


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's twelve metrics; None where the dataset has no object of that size.

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
        """The means over classes and thresholds.

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
        """Plain values; `AR_100` is renamed after the limit of detections."""
        return {f"AR_{max_detections}" if key == "AR_100" else key: value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class ImageFacts:
    """Size in pixels and appearance of an image."""

    width: int
    height: int
    look: Look


@dataclass(frozen=True)
class Measured:
    """Masks, or boxes, of all images, and their matching.

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
        """Which detection matches which object."""
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
        """The twelve metrics over all classes."""
        return AveragePrecision.of(self.precision, self.recall)

    def by_class(self) -> dict[str, AveragePrecision]:
        """The twelve metrics of each class."""
        return {
            name: AveragePrecision.of(self.precision[:, [index]], self.recall[:, [index]])
            for index, name in enumerate(self.classes)
        }


@dataclass(frozen=True)
class InstanceReport:
    """Everything measured on a dataset.

    Attributes:
        mask: Mask metrics over all classes.
        box: Box metrics over all classes.
        mask_by_class: Mask metrics by class name.
        box_by_class: Box metrics by class name.
        objects_by_class: Number of objects, without crowds, by class name.
        images: Number of evaluated images.
        detections: Number of detections.
        limits: Limits of the matching.
        crowded: Number of images with more objects of one class than the limit of detections.
        most_objects: Largest number of objects of one class in an image.
        masks: Matched masks, from which the mask metrics are computed.
        boxes: Matched boxes, from which the box metrics are computed.
        image_ids: Image ids in the order of the image indices in `masks` and `boxes`.
        facts: Size and appearance of each image, in that order.
        boundaries: Matched boundaries, if they were measured.
        segments: Counts of `segcli.metrics.panoptic` per image [images, 4 x classes], if they were measured.
        intervals: Confidence intervals of the mask metrics, if they were computed.
        frequencies: How often the classes occur in training, if known.
        whole: Mask metrics of the same images without tiles, if they were measured.
        temperature: By which the log-odds of the measured scores were already divided.
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
    most_objects: int
    masks: Measured = field(compare=False, repr=False)
    boxes: Measured = field(compare=False, repr=False)
    image_ids: tuple[int, ...] = ()
    facts: tuple[ImageFacts, ...] = field(default=(), compare=False, repr=False)
    boundaries: Measured | None = field(default=None, compare=False, repr=False)
    segments: Floats | None = field(default=None, compare=False, repr=False)
    intervals: Intervals = field(default_factory=Intervals, compare=False)
    frequencies: Frequencies | None = None
    whole: AveragePrecision | None = None
    temperature: float = 1.0

    @property
    def score(self) -> float | None:
        """Mask AP, by which models are compared; None if there are no objects."""
        return self.mask.AP

    @property
    def warnings(self) -> list[str]:
        """Warnings about settings that make the metrics too low."""
        if not self.crowded:
            return []
        most = self.limits.max_detections
        return [
            f"{counted(self.crowded, 'image')} with more than {most} objects of one class, but only {most} detections "
            f"count: set Evaluate.max_detections={self.most_objects}, the largest number of objects of one class in an "
            "image"
        ]

    @property
    def tile_loss(self) -> float | None:
        """Mask AP of whole images minus that of their tiles; None where either is not known."""
        if self.whole is None or self.whole.AP is None or self.mask.AP is None:
            return None
        return self.whole.AP - self.mask.AP

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
        """Results of optional measurements."""
        found: dict[str, Any] = {}
        if self.whole is not None:
            found |= {"whole": self.whole.as_dict(most), "tile_loss": self.tile_loss}
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
