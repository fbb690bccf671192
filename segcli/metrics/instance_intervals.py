"""Bootstrap intervals of average precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.average_precision import (
    ClassRanking,
    rankings,
    weighted_average_precision,
    weighted_average_recall,
)
from segcli.metrics.bootstrap import draws, resampled_sums, unit_of_images
from segcli.metrics.calibration import ece_of_all
from segcli.metrics.image_pairs import Floats
from segcli.metrics.instance_report import (
    ALL_SIZES,
    FEW,
    IOU_50,
    IOU_75,
    LARGE,
    MEDIUM,
    SMALL,
    InstanceReport,
    Measured,
)
from segcli.metrics.intervals import Intervals, Replicates
from segcli.metrics.object_calibration import image_reliability
from segcli.metrics.panoptic import panoptic_quality

_SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}


def instance_replicates(
    report: InstanceReport, replicates: int, groups: Sequence[str | None] | None = None
) -> Replicates:
    """Bootstrap replicates of all numbers of `segcli.metrics.table.instance_headline`; AP and AP50 per class.

    Args:
        report: The evaluation.
        replicates: Bootstrap replicates; 0 computes nothing.
        groups: Group of each image in the order of `image_ids`, drawn as a whole; None draws single images.
    """
    if not replicates or not report.images:
        return Replicates()
    units = unit_of_images(groups, report.images)
    found = Replicates(int(units.max()) + 1, "image" if groups is None else "group")
    values = replicates_of(report.masks, ALL_SIZES, replicates, units)
    found.all.update(headline(values))
    for name, size in _SIZES.items():
        found.all[f"AP_{name}"] = _mean(replicates_of(report.masks, size, replicates, units))
    found.all.update(_recalls(report.masks, replicates, units))
    found.all["box_AP"] = _mean(replicates_of(report.boxes, ALL_SIZES, replicates, units))
    if report.detections:
        rows = image_reliability(report.masks, report.images)
        found.all["ECE"] = resampled_sums(rows, ece_of_all, replicates, units)
    if report.segments is not None:
        quality = panoptic_quality(resampled_sums(report.segments, lambda sums: sums, replicates, units))
        found.all.update({name: _mean(numbers) for name, numbers in quality.items()})
    if report.boundaries is not None:
        found.all["boundary_AP"] = headline(replicates_of(report.boundaries, ALL_SIZES, replicates, units))["AP"]
    if report.frequencies is not None:
        place = {name: index for index, name in enumerate(report.masks.classes)}
        for group, names in report.frequencies.groups.items():
            found.all[f"AP_{group}"] = _mean(values[:, [place[name] for name in names]])
    for index, name in enumerate(report.masks.classes):
        own = headline(values[:, [index]])
        found.by_class[name] = {key: own[key] for key in ("AP", "AP50")}
    return found


def instance_intervals(
    report: InstanceReport, replicates: int, groups: Sequence[str | None] | None = None
) -> Intervals:
    """Confidence intervals of all numbers; see `instance_replicates`."""
    return instance_replicates(report, replicates, groups).intervals()


def headline(values: Floats) -> dict[str, Floats]:
    """AP, AP50 and AP75 [R] of AP [R, classes, thresholds]."""
    return {"AP": _mean(values), "AP50": _mean(values[..., [IOU_50]]), "AP75": _mean(values[..., [IOU_75]])}


def replicates_of(measured: Measured, size: int, replicates: int, units: NDArray[np.int64]) -> Floats:
    """AP of each replicate: float64 [R, classes, thresholds]; NaN where no object of the class is drawn.

    Args:
        measured: Masks or boxes.
        size: Index of the size range.
        replicates: Number of replicates.
        units: Index of the unit of each image; images of one unit are drawn together.
    """
    ranked = list(_ranked(measured, size, measured.limits.max_detections))
    return _drawn(lambda weights: _stacked(weighted_average_precision, ranked, weights), replicates, units)


def _recalls(measured: Measured, replicates: int, units: NDArray[np.int64]) -> dict[str, Floats]:
    """The replicates of COCO's average recalls, by their names."""
    most = measured.limits.max_detections
    wanted = {f"AR_{few}": (ALL_SIZES, few) for few in (*FEW, most)}
    wanted |= {f"AR_{name}": (size, most) for name, size in _SIZES.items()}
    ranked = {name: list(_ranked(measured, *limits)) for name, limits in wanted.items()}

    def of_draws(weights: NDArray[np.float32]) -> Floats:
        return np.stack([_mean(_stacked(weighted_average_recall, one, weights)) for one in ranked.values()], axis=1)

    return dict(zip(wanted, _drawn(of_draws, replicates, units).T, strict=True))


def _drawn(of: Callable[[NDArray[np.float32]], Floats], replicates: int, units: NDArray[np.int64]) -> Floats:
    """A function of the weights of the images [images, R], for all replicates [replicates, ...]."""
    parts = draws(int(units.max(initial=-1)) + 1, replicates)
    return np.concatenate([of(np.ascontiguousarray(drawn.T[units].astype(np.float32))) for drawn in parts])


def _ranked(measured: Measured, size: int, most: int) -> Iterator[ClassRanking]:
    return rankings(measured.pairs, measured.matches, len(measured.classes), size, most)


def _stacked(
    of: Callable[[ClassRanking, NDArray[np.float32]], Floats],
    ranked: Sequence[ClassRanking],
    weights: NDArray[np.float32],
) -> Floats:
    """A number of each class: [R, classes, thresholds]."""
    return np.stack([of(ranking, weights) for ranking in ranked], axis=1)


def _mean(values: Floats) -> Floats:
    """Mean over classes and thresholds that are defined [R]; NaN where none is."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    count = known.sum(axis=1)
    means = np.full(len(flat), np.nan)
    np.divide(np.where(known, flat, 0).sum(axis=1), count, out=means, where=count > 0)
    return means
