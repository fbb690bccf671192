"""The one table of metrics: what each number is, how it is computed, and what it was compared with.

A metric is one function and one row. Results, intervals, comparisons, pages and `provenance` follow the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from segcli.config.schema import EvaluateConfig
from segcli.metrics import calibration
from segcli.metrics import semantic_scores as scores
from segcli.metrics import tile_loss as tiles
from segcli.metrics.boundary import boundary_iou, count_boundary
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.frequency import GROUPS
from segcli.metrics.image_rows import Row
from segcli.metrics.instance_report import InstanceReport
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.object_calibration import object_calibration, object_ece
from segcli.metrics.object_curves import curves
from segcli.metrics.object_errors import errors_as_dict
from segcli.metrics.promptable_scores import NOC_THRESHOLDS
from segcli.metrics.regions import COLUMNS as REGION_COLUMNS
from segcli.metrics.regions import count_found_regions, region_recall
from segcli.metrics.semantic_scores import AbsentClass, Values
from segcli.metrics.surface import COLUMNS, count_hd95, count_nsd, mean_over_images


@dataclass(frozen=True)
class Source:
    """Where a number is defined, and what it is tested against.

    Attributes:
        definition: Paper, equation or program that defines it.
        oracle: Program whose result it equals in the tests.
        digits: Decimal digits to which they agree.
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
        source: Definition and oracle of the number.
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
        count: From the label maps of an image to its numbers [columns x classes].
        of: From sums over images [..., columns x classes] to the values per class [..., classes].
        source: Definition and oracle of the number.
        of_all: From the same sums to the value of all classes [...]; None takes the mean over the classes.
        higher_is_better: Whether a larger value is the better one; None where neither is.
        needs_scores: Whether it is counted from the probabilities of the network.
        needs_whole: Whether it also needs the label maps of images that are cut into tiles, predicted whole.
    """

    name: str
    columns: int
    count: Callable[[LabelPair], Row]
    of: Callable[[NDArray[Any]], Values]
    source: Source
    of_all: Callable[[NDArray[Any]], Values] | None = None
    higher_is_better: bool | None = True
    needs_scores: bool = False
    needs_whole: bool = False

    def total(self, sums: NDArray[Any], absent: AbsentClass) -> Values:
        """The number for all classes, float64 [...], of sums over images [..., columns x classes]."""
        return scores.mean(self.of(sums), absent) if self.of_all is None else self.of_all(sums)


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

_SURFACE = "MONAI, brute force with scipy"


def surface_metrics(tolerance_px: float) -> tuple[ImageMetric, ImageMetric]:
    """Surface Dice with a tolerance, and HD95."""
    nsd = Source(f"surface Dice, tolerance {tolerance_px:g} px, mean over images", _SURFACE, 12)
    hd95 = Source("95th percentile Hausdorff distance in pixels, mean over images", _SURFACE, 4)
    count = partial(count_nsd, tolerance_px=tolerance_px)
    return (
        ImageMetric("NSD", COLUMNS, count, mean_over_images, nsd),
        ImageMetric("HD95", COLUMNS, count_hd95, mean_over_images, hd95, higher_is_better=False),
    )


def region_metrics(borders_px: tuple[float, float]) -> tuple[ImageMetric, ...]:
    """How many regions of the truth are found, by their size; the borders are sides of squares."""
    small, large = (side**2 for side in borders_px)
    ranges = {"small": (0.0, small), "medium": (small, large), "large": (large, float("inf"))}
    return tuple(
        ImageMetric(
            f"recall_{name}",
            REGION_COLUMNS,
            partial(count_found_regions, least_px=least, most_px=most),
            region_recall,
            Source(f"true regions of {least:g} to {most:g} px, at least half of which is found", "scipy.ndimage", 12),
        )
        for name, (least, most) in ranges.items()
    )


CALIBRATION = (
    ImageMetric(
        "ECE",
        calibration.RELIABILITY_COLUMNS,
        calibration.count_reliability,
        calibration.ece,
        Source("Guo et al. 2017, 15 bins; per class of what is predicted as it", f"{_SKLEARN} calibration_curve", 6),
        of_all=calibration.ece_of_all,
        higher_is_better=False,
        needs_scores=True,
    ),
    ImageMetric(
        "temperature",
        calibration.TEMPERATURE_COLUMNS,
        calibration.count_gradients,
        calibration.temperature,
        Source("best likelihood of 2,048 pixels per image, Guo et al. 2017", "scipy.optimize", 2),
        of_all=calibration.temperature_of_all,
        higher_is_better=None,
        needs_scores=True,
    ),
)

TILES = (
    ImageMetric(
        "whole_IoU",
        tiles.TOTALS,
        tiles.count_whole,
        tiles.whole_iou,
        Source("Jaccard index without tiles", f"{_SKLEARN} jaccard_score", 12),
        needs_whole=True,
    ),
    ImageMetric(
        "tile_loss",
        tiles.LOSS_COLUMNS,
        tiles.count_tile_loss,
        tiles.tile_loss,
        Source("Jaccard index of whole images minus that of their tiles", f"{_SKLEARN} jaccard_score", 12),
        of_all=tiles.tile_loss_of_all,
        higher_is_better=False,
        needs_whole=True,
    ),
    ImageMetric(
        "tile_disagreement",
        tiles.DIFFERING_COLUMNS,
        tiles.count_differing,
        tiles.differing,
        Source("share of pixels with another label in tiles", "by hand", 12),
        of_all=tiles.differing_of_all,
        higher_is_better=False,
        needs_whole=True,
    ),
)

WANTED: tuple[tuple[str, Callable[[EvaluateConfig], Sequence[ImageMetric]]], ...] = (
    ("boundary_iou", lambda _: (BOUNDARY_IOU,)),
    ("surface_tolerance", lambda settings: surface_metrics(settings.surface_tolerance or 0.0)),
    ("region_recall", lambda settings: region_metrics(settings.size_borders)),
    ("calibration", lambda _: CALIBRATION),
    ("tile_loss", lambda _: TILES),
)
"""Keys of `Evaluate` that, neither false nor null, add metrics of images."""


def image_metrics(settings: EvaluateConfig) -> tuple[ImageMetric, ...]:
    """What is counted image by image because the user wants it."""
    wanted = ((getattr(settings, key), metrics) for key, metrics in WANTED)
    return tuple(
        one for value, metrics in wanted if value is not False and value is not None for one in metrics(settings)
    )


_IMAGE_METRICS = tuple(one for _, metrics in WANTED for one in metrics(EvaluateConfig()))
_CLICKS = frozenset(f"noc_{level}{part}" for level in NOC_THRESHOLDS for part in ("", "_missed"))
LOWER_IS_BETTER = _CLICKS | {metric.name for metric in _IMAGE_METRICS if metric.higher_is_better is False}
"""Numbers of which a smaller one is better."""
NEITHER_IS_BETTER = frozenset(metric.name for metric in _IMAGE_METRICS if metric.higher_is_better is None)
"""Numbers that say nothing about better or worse."""


@dataclass(frozen=True)
class InstanceMetric:
    """A metric of objects.

    Attributes:
        name: Its key in the result.
        source: Definition and oracle of the number.
        of: From a measurement to plain values; None where the report's own numbers have the key.
        headline: What it adds to the numbers of all classes.
    """

    name: str
    source: Source
    of: Callable[[InstanceReport], Mapping[str, Any]] | None = None
    headline: Callable[[InstanceReport], Mapping[str, float | None]] | None = None


_COCO = "cocodataset/cocoapi"
_PYCOCOTOOLS = "pycocotools"
INSTANCE: tuple[InstanceMetric, ...] = (
    InstanceMetric("AP", Source(f"{_COCO}: mask AP at IoU 0.50:0.05:0.95", _PYCOCOTOOLS, 9)),
    InstanceMetric("mask", Source(f"{_COCO}, masks", _PYCOCOTOOLS, 9)),
    InstanceMetric("box", Source(f"{_COCO}, boxes", _PYCOCOTOOLS, 9)),
    InstanceMetric(
        "boundary",
        Source(
            "Cheng et al. 2021: smaller of mask and boundary IoU", "faster-coco-eval, pycocotools on eroded masks", 9
        ),
    ),
    InstanceMetric("panoptic", Source("Kirillov et al. 2019, background as a segment", "panopticapi's definition", 12)),
    InstanceMetric("frequency", Source("Gupta et al. 2019 (LVIS): classes by their training images", "by hand", 12)),
    InstanceMetric(
        "errors",
        Source("Bolya et al. 2020 (TIDE) at IoU 0.5", "hotcoco", 9),
        lambda report: errors_as_dict(report.masks),
    ),
    InstanceMetric(
        "best_thresholds",
        Source("best F1 at IoU 0.5", f"{_SKLEARN} precision_recall_curve, f1_score", 12),
        lambda report: {name: curve.summary() for name, curve in curves(report.masks).items()},
    ),
    InstanceMetric(
        "calibration",
        Source("ECE of the scores at IoU 0.5, 15 bins (Kueppers et al. 2020)", f"{_SKLEARN} calibration_curve", 9),
        lambda report: object_calibration(report.masks, report.temperature),
        headline=lambda report: {"ECE": object_ece(report.masks)},
    ),
    InstanceMetric("tile_loss", Source("mask AP of whole images minus that of their tiles", _PYCOCOTOOLS, 9)),
    InstanceMetric("confusion_matrix", Source("matching at IoU 0.5 whatever the class", "hotcoco", 12)),
)
"""In the order of results; the first is the one by which models are compared."""
INTERVALS = Source("percentile bootstrap, Efron and Tibshirani 1993", "scipy.stats.bootstrap, hotcoco", 2)


def provenance(sources: Mapping[str, Source], measured: Iterable[str]) -> dict[str, Any]:
    """Whose each measured number is, by its key."""
    names = set(measured)
    known = {name: source.as_dict() for name, source in sources.items() if name in names}
    return {**known, "interval": INTERVALS.as_dict()}


def instance_sources() -> dict[str, Source]:
    """Whose the numbers of objects are, by their keys in the result."""
    return {row.name: row.source for row in INSTANCE}


def instance_numbers(report: InstanceReport) -> dict[str, Mapping[str, Any]]:
    """What the rows of `INSTANCE` make of a measurement, by their keys."""
    return {row.name: row.of(report) for row in INSTANCE if row.of is not None}


def instance_headline(report: InstanceReport) -> dict[str, float | None]:
    """The numbers of all classes, by the names that intervals, comparisons and `Evaluate.fail_under` use."""
    values = report.as_dict()
    found: dict[str, float | None] = {**values["mask"], "box_AP": report.box.AP}
    if "boundary" in values:
        found["boundary_AP"] = values["boundary"]["AP"]
    found.update({name: value for name, value in values.get("panoptic", {}).items() if name != "classes"})
    groups = values.get("frequency", {})
    found.update({f"AP_{name}": groups[name]["AP"] for name in GROUPS if name in groups})
    for row in INSTANCE:
        if row.headline is not None:
            found.update(row.headline(report))
    return found


def semantic_sources(metrics: Iterable[ImageMetric] = ()) -> dict[str, Source]:
    """Whose the numbers of label maps are, by their keys in the result; those of `metrics` too."""
    found = {}
    for row in SEMANTIC:
        found.update({name: row.source for name in (row.name, row.class_name) if name is not None})
    return {**found, **{metric.name: metric.source for metric in metrics}}


def empty_class_policy(absent: AbsentClass) -> str:
    """What a class that is nowhere does to the means, in words."""
    return scores.ABSENT[absent].words
