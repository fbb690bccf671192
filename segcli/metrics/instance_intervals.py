"""Bootstrap intervals of average precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.average_precision import rankings, weighted_average_precision
from segcli.metrics.bootstrap import draws, resampled_sums, unit_of_images
from segcli.metrics.instance_report import ALL_SIZES, IOU_50, IOU_75, LARGE, MEDIUM, SMALL, InstanceReport, Measured
from segcli.metrics.intervals import Intervals, Replicates
from segcli.metrics.object_pairs import Floats
from segcli.metrics.panoptic import panoptic_quality

_SIZES = {"AP_small": SMALL, "AP_medium": MEDIUM, "AP_large": LARGE}


def instance_replicates(
    report: InstanceReport, replicates: int, groups: Sequence[str | None] | None = None
) -> Replicates:
    """Bootstrap replicates of mask metrics: AP, AP50, AP75 and AP by size; AP and AP50 per class.

    Panoptic quality and boundary AP are included if they were measured.

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
        found.all[name] = _mean(replicates_of(report.masks, size, replicates, units))
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
    """Confidence intervals of mask metrics; see `instance_replicates`."""
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
    parts = []
    for drawn in draws(int(units.max(initial=-1)) + 1, replicates):
        weights = np.ascontiguousarray(drawn.T[units].astype(np.float32))
        parts.append(_weighted(measured, size, weights))
    return np.concatenate(parts)


def _weighted(measured: Measured, size: int, weights: NDArray[np.float32]) -> Floats:
    classes, most = len(measured.classes), measured.limits.max_detections
    of_classes = rankings(measured.pairs, measured.matches, classes, size, most)
    return np.stack([weighted_average_precision(ranking, weights) for ranking in of_classes], axis=1)


def _mean(values: Floats) -> Floats:
    """Mean over classes and thresholds that are defined [R]; NaN where none is."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    count = known.sum(axis=1)
    means = np.full(len(flat), np.nan)
    np.divide(np.where(known, flat, 0).sum(axis=1), count, out=means, where=count > 0)
    return means
