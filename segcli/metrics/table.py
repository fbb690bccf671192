"""The one table of metrics: what each number is, how it is computed, and what it was compared with.

A metric is one function and one row. Results, intervals, comparisons, pages and `provenance` follow the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.metrics import semantic_scores as scores
from segcli.metrics.boundary import boundary_iou, count_boundary
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.image_rows import Row
from segcli.metrics.semantic_scores import AbsentClass, Values
from segcli.metrics.surface import COLUMNS, count_hd95, count_nsd, mean_over_images

_ABSENT = {
    "exclude": "a class in neither truth nor prediction is left out of the mean",
    "zero": "a class in neither truth nor prediction counts 0, as in PaddleSeg 2.8",
}


@dataclass(frozen=True)
class Source:
    """Whose number it is.

    Attributes:
        definition: Paper, equation or program that defines it.
        oracle: What it equals in the tests.
        digits: Decimal digits to which it does.
    """

    definition: str
    oracle: str
    digits: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"definition": self.definition, "oracle": self.oracle, "digits": self.digits}


@dataclass(frozen=True)
class SemanticMetric:
    """A metric of label maps.

    Attributes:
        name: Key of the number for all classes; None where there is one per class only.
        of: From totals [..., classes] to values per class [..., classes], or [...] for one of all classes.
        source: Whose number it is.
        class_name: Key of the number per class; None for a metric of all classes together.
    """

    name: str | None
    of: Callable[[ClassTotals], Values]
    source: Source
    class_name: str | None = None

    def total(self, totals: ClassTotals, absent: AbsentClass) -> Values:
        """The number for all classes, float64 [...]."""
        values = self.of(totals)
        return values if self.class_name is None else scores.mean(values, absent)


@dataclass(frozen=True)
class ImageMetric:
    """A metric of label maps that is counted image by image beside the confusion matrix.

    Attributes:
        name: Key of the number, for all classes and per class.
        columns: How many numbers are counted per image and class.
        count: From prediction, truth, number of classes and ignored id to the numbers of an image [columns x classes].
        of: From sums over images [..., columns x classes] to the values per class [..., classes].
        source: Whose number it is.
        higher_is_better: Whether a larger value is the better one.
    """

    name: str
    columns: int
    count: Callable[[Labels, Labels, int, int], Row]
    of: Callable[[NDArray[Any]], Values]
    source: Source
    higher_is_better: bool = True


_SKLEARN = "scikit-learn"
SEMANTIC: tuple[SemanticMetric, ...] = (
    SemanticMetric("mIoU", scores.iou, Source("Jaccard index", f"{_SKLEARN} jaccard_score", 12), "IoU"),
    SemanticMetric("Acc", scores.accuracy, Source("share of right pixels", f"{_SKLEARN} accuracy_score", 12)),
    SemanticMetric("Kappa", scores.kappa, Source("Cohen 1960", f"{_SKLEARN} cohen_kappa_score", 12)),
    SemanticMetric("Dice", scores.dice, Source("Dice 1945 (F1)", f"{_SKLEARN} f1_score", 12), "Dice"),
    SemanticMetric(
        "fwIoU", scores.frequency_weighted_iou, Source("Long et al. 2015", "mmsegmentation (hotcoco mean_iou)", 12)
    ),
    SemanticMetric(
        None, scores.precision, Source("right of predicted pixels", f"{_SKLEARN} precision_score", 12), "precision"
    ),
    SemanticMetric(None, scores.recall, Source("found of true pixels", f"{_SKLEARN} recall_score", 12), "recall"),
)
"""In the order of results; the first is the one by which models are compared."""


BOUNDARY_IOU = ImageMetric(
    "BoundaryIoU",
    columns=2,
    count=count_boundary,
    of=boundary_iou,
    source=Source("Cheng et al. 2021, band of 2 % of the diagonal", "the published erosion", 12),
)

_SURFACE = "brute force with scipy"


def surface_metrics(tolerance_px: float) -> tuple[ImageMetric, ImageMetric]:
    """Surface Dice with a tolerance, and HD95."""
    nsd = Source(f"surface Dice, tolerance {tolerance_px:g} px, mean over images", _SURFACE, 12)
    hd95 = Source("95th percentile Hausdorff distance in pixels, mean over images", _SURFACE, 5)
    count = partial(count_nsd, tolerance_px=tolerance_px)
    return (
        ImageMetric("NSD", COLUMNS, count, mean_over_images, nsd),
        ImageMetric("HD95", COLUMNS, count_hd95, mean_over_images, hd95, higher_is_better=False),
    )


LOWER_IS_BETTER = frozenset({"HD95"})
"""Numbers of which a smaller one is better."""

_COCO = "cocodataset/cocoapi"
_PYCOCOTOOLS = "pycocotools"
INSTANCE: dict[str, Source] = {
    "AP": Source(f"{_COCO}: mask AP at IoU 0.50:0.05:0.95", _PYCOCOTOOLS, 9),
    "mask": Source(f"{_COCO}, masks", _PYCOCOTOOLS, 9),
    "box": Source(f"{_COCO}, boxes", _PYCOCOTOOLS, 9),
    "boundary": Source("Cheng et al. 2021: smaller of mask and boundary IoU", "pycocotools on eroded masks", 9),
    "panoptic": Source("Kirillov et al. 2019, background as a segment", "hotcoco's panopticapi", 12),
    "errors": Source("Bolya et al. 2020 (TIDE) at IoU 0.5", "hotcoco", 9),
    "best_thresholds": Source("best F1 at IoU 0.5", f"{_SKLEARN} precision_recall_curve, f1_score", 12),
    "confusion_matrix": Source("matching at IoU 0.5 whatever the class", "hotcoco", 12),
}
"""Whose the numbers of instances are, by their keys in the result."""
INTERVALS = Source("percentile bootstrap, Efron and Tibshirani 1993", "scipy.stats.bootstrap", 2)


def provenance(sources: Mapping[str, Source], measured: Iterable[str]) -> dict[str, Any]:
    """Whose each measured number is, by its key."""
    names = [name for name in sources if name in set(measured) or name in _ALWAYS]
    return {**{name: sources[name].as_dict() for name in names}, "interval": INTERVALS.as_dict()}


_ALWAYS = frozenset({"AP", "errors", "best_thresholds", "confusion_matrix"})


def semantic_sources(metrics: Iterable[ImageMetric] = ()) -> dict[str, Source]:
    """Whose the numbers of label maps are, by their keys in the result; those of `metrics` too."""
    found = {}
    for row in SEMANTIC:
        found.update({name: row.source for name in (row.name, row.class_name) if name is not None})
    return {**found, **{metric.name: metric.source for metric in metrics}}


def empty_class_policy(absent: AbsentClass) -> str:
    """What a class that is nowhere does to the means, in words."""
    return _ABSENT[absent]
