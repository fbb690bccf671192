"""The table of an instance evaluation, one row per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segcli.metrics.image_pairs import Bools, Floats
from segcli.metrics.instance_report import IOU_50, InstanceReport
from segcli.metrics.object_curves import best_thresholds
from segcli.metrics.semantic_scores import plain, ratio


def image_table(
    report: InstanceReport, names: Mapping[int, str], groups: Sequence[str | None] | None = None
) -> list[dict[str, Any]]:
    """One row per image at IoU 0.5: its properties, the found, missed and false objects, and the matches.

    Detections count if their score is at least the threshold with the best F1 of their class. `matches` holds
    ``class id:score:IoU`` of each hit; precision and recall follow from the counts.

    Args:
        report: The evaluation.
        names: Image names by image id.
        groups: Group of each image in the order of `image_ids`.
    """
    measured = report.masks
    pairs, matches = measured.pairs, measured.matches
    kept = pairs.found_score >= best_thresholds(measured)[pairs.found_class]
    hits = matches.hits[:, 0, IOU_50] & kept
    false = ~matches.hits[:, 0, IOU_50] & ~matches.ignored[:, 0, IOU_50] & kept
    false &= matches.rank < report.limits.max_detections
    iou = hit_iou(report, hits)

    def count(images: Any, chosen: Bools) -> Floats:
        return np.bincount(images[chosen], minlength=report.images).astype(np.float64)

    objects = count(pairs.truth_image, ~pairs.truth_crowd)
    found, wrong = count(pairs.found_image, hits), count(pairs.found_image, false)
    mean_iou = ratio(np.bincount(pairs.found_image, np.where(hits, iou, 0), report.images), found)
    f1 = ratio(2 * found, found + wrong + objects)
    listed = _matches(report, hits, iou)
    table = []
    for row, image_id in enumerate(report.image_ids):
        about: dict[str, Any] = {"image": names[image_id], "folder": names[image_id].rpartition("/")[0]}
        if groups is not None:
            about["group"] = groups[row] or ""
        facts = report.facts[row]
        table.append(
            {
                **about,
                "width": facts.width,
                "height": facts.height,
                **{name: plain(value) for name, value in facts.look._asdict().items()},
                "objects": int(objects[row]),
                "F1": plain(f1[row]),
                "mean_IoU": plain(mean_iou[row]),
                "found": int(found[row]),
                "missed": int(objects[row] - found[row]),
                "false": int(wrong[row]),
                "matches": listed[row],
            }
        )
    return table


def hit_iou(report: InstanceReport, hits: Bools) -> Floats:
    """IoU of each detection with the object that it matches at IoU 0.5 [D]; 0 for detections outside `hits`."""
    pairs, object_of = report.masks.pairs, report.masks.matches.object_of[:, 0, IOU_50]
    found = np.zeros(len(hits))
    own = object_of[pairs.pair_found] == pairs.pair_truth
    found[pairs.pair_found[own]] = pairs.pair_iou[own]
    return np.where(hits, found, 0.0)


def _matches(report: InstanceReport, hits: Bools, iou: Floats) -> list[str]:
    pairs = report.masks.pairs
    listed: list[list[str]] = [[] for _ in range(report.images)]
    for place in report.masks.matches.order[hits[report.masks.matches.order]]:
        text = f"{pairs.found_class[place]}:{pairs.found_score[place]:.4f}:{iou[place]:.4f}"
        listed[pairs.found_image[place]].append(text)
    return [" ".join(texts) for texts in listed]
