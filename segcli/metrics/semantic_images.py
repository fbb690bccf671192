"""The table of a semantic evaluation, one row per image."""

from __future__ import annotations

from typing import Any

import numpy as np

from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.semantic_counts import FACTS
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.semantic_scores import plain
from segcli.metrics.table import SEMANTIC


def image_table(
    report: SemanticReport, names: list[str], groups: list[str | None] | None = None
) -> list[dict[str, Any]]:
    """One row per image: its properties, its metrics, its IoU per class, and its confusion counts.

    Args:
        report: The evaluation.
        names: Name of every image of the dataset, in order.
        groups: Group of each measured image.

    Returns:
        Rows by column name; None is "not defined". `confusion` holds ``truth>prediction:pixels`` with class ids.
    """
    counts = report.counts
    totals = ClassTotals.of_images(counts.confusions, len(counts.classes))
    columns = {row.name: row.total(totals, "exclude") for row in SEMANTIC if row.name is not None}
    for metric in counts.metrics:
        columns[metric.name] = metric.total(counts.extras[metric.name].dense(), "exclude")
    iou = SEMANTIC[0].of(totals)
    facts = counts.facts.dense() if len(counts.facts) else np.full((len(iou), len(FACTS)), np.nan)
    table = []
    for row, (place, cells) in enumerate(zip(counts.confusions.places, counts.confusions.sparse(), strict=True)):
        about = {"image": names[place], "folder": names[place].rpartition("/")[0]}
        if groups is not None:
            about["group"] = groups[row] or ""
        known = {fact: plain(value) for fact, value in zip(FACTS, facts[row], strict=True)}
        scored = {name: plain(values[row]) for name, values in columns.items()}
        by_class = {f"IoU {name}": plain(iou[row, index]) for index, name in enumerate(counts.classes)}
        table.append({**about, **known, **scored, **by_class, "confusion": _confusion(cells, len(counts.classes))})
    return table


def _confusion(cells: tuple[Any, Any], classes: int) -> str:
    truth, prediction = np.divmod(cells[0], classes)
    return " ".join(f"{t}>{p}:{n}" for t, p, n in zip(truth, prediction, cells[1], strict=True))
