"""COCO's numbers for boxes and masks, and what a measurement of instance segmentation found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

IOU_50, IOU_75 = 0, 5
"""Places of these thresholds among 0.50, 0.55, ..., 0.95."""
ALL_SIZES, SMALL, MEDIUM, LARGE = range(4)
"""Places of the size ranges: areas below 32 x 32 px, up to 96 x 96 px, above."""
MOST_1, MOST_10, MOST_100 = range(3)
"""Places of the greatest numbers of detections."""

Values = NDArray[np.float64]


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
        AR_1: Mean recall with one detection an image and class.
        AR_10: With ten.
        AR_100: With a hundred.
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
    def of(precision: Values, recall: Values) -> AveragePrecision:
        """Sums up.

        Args:
            precision: [thresholds, recalls, classes, sizes, numbers of detections], -1 where there is no object.
            recall: [thresholds, classes, sizes, numbers of detections], likewise.
        """
        at_most_100 = precision[..., MOST_100]
        every_size = at_most_100[..., ALL_SIZES]
        return AveragePrecision(
            _mean(every_size),
            _mean(every_size[IOU_50]),
            _mean(every_size[IOU_75]),
            *(_mean(at_most_100[..., size]) for size in (SMALL, MEDIUM, LARGE)),
            *(_mean(recall[:, :, ALL_SIZES, most]) for most in (MOST_1, MOST_10, MOST_100)),
            *(_mean(recall[:, :, size, MOST_100]) for size in (SMALL, MEDIUM, LARGE)),
        )


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
    """

    mask: AveragePrecision
    box: AveragePrecision
    mask_by_class: Mapping[str, AveragePrecision]
    box_by_class: Mapping[str, AveragePrecision]
    objects_by_class: Mapping[str, int]
    images: int
    detections: int

    @property
    def score(self) -> float | None:
        """Mask AP, the number by which models are compared; None when there is no object."""
        return self.mask.AP

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `AP` is PaddleX's key for mask AP."""
        by_class = {
            name: {"objects": count, "mask": asdict(self.mask_by_class[name]), "box": asdict(self.box_by_class[name])}
            for name, count in self.objects_by_class.items()
        }
        return {
            "AP": self.score,
            "mask": asdict(self.mask),
            "box": asdict(self.box),
            "classes": by_class,
            "images": self.images,
            "objects": sum(self.objects_by_class.values()),
            "detections": self.detections,
        }


def _mean(values: Values) -> float | None:
    present = values[values > -1]
    return float(present.mean()) if present.size else None
