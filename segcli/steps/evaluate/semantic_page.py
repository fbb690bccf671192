"""The content of the report page of a semantic evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.metrics.intervals import few_units, shown
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.slices import SlicedColumn
from segcli.metrics.table import empty_class_policy
from segcli.steps.evaluate.page import Gallery, Page, PageTable, slice_tables

SCORE = "mIoU"
"""Column of the per-image table by which images are ranked."""
_MOST_PAIRS = 10


def semantic_page(
    title: str,
    report: SemanticReport,
    facts: Sequence[tuple[str, str]],
    columns: Sequence[SlicedColumn],
    galleries: Sequence[Gallery],
) -> Page:
    """Numbers with intervals, classes, largest confusions, slices and galleries."""
    intervals = report.intervals
    headline = [(name, shown(value, intervals.all.get(name))) for name, value in report.totals().items()]
    tables = [_classes(report), _confusions(report), *slice_tables(columns, SCORE)]
    notes = few_units(intervals.units, intervals.unit)
    facts = [*facts, ("empty classes", empty_class_policy(report.absent_class))]
    return Page(title, headline, facts, notes, [table for table in tables if table.rows], galleries)


def _classes(report: SemanticReport) -> PageTable:
    by_class = report.per_class()
    names = [name for name in next(iter(by_class.values())) if name != "predicted_pixels"]
    rows = []
    for class_name, values in by_class.items():
        known = report.intervals.by_class.get(class_name, {})
        cells = [f"{values[name]:,}" if name == "pixels" else shown(values[name], known.get(name)) for name in names]
        rows.append((class_name, *cells))
    return PageTable("Classes", ("class", *names), rows, "95 % bootstrap intervals in brackets")


def _confusions(report: SemanticReport) -> PageTable:
    """The pairs of classes with most confused pixels."""
    columns = ("true", "predicted", "pixels", "share of the true class", "near a border")
    rows = [
        (one["true"], one["predicted"], f"{one['pixels']:,}", f"{one['share']:.1%}", f"{one['near_border']:.1%}")
        for one in largest_confusions(report)
    ]
    return PageTable("Largest confusions", columns, rows, wrong_sentence(report), words=2)


def wrong_sentence(report: SemanticReport) -> str:
    """How many pixels are wrong, and where."""
    found = report.wrong_pixels()
    if found["near_border"] is None:
        return "no pixel is wrong"
    near = f"{found['near_border']:.1%} of these near a true border (1 % of the diagonal)"
    return f"{found['share']:.2%} of the pixels are wrong; {near}"


def largest_confusions(report: SemanticReport) -> list[dict[str, Any]]:
    """The off-diagonal cells with most pixels, the largest first, as plain values.

    `share` is that of the true class's pixels, `near_border` the share of the wrong pixels near a true border.
    """
    matrix, near, names = report.matrix, report.near_borders, list(report.classes)
    cells = [
        (int(matrix[true, predicted]), true, predicted)
        for true in range(len(names))
        for predicted in range(len(names))
        if true != predicted and matrix[true, predicted]
    ]
    return [
        {
            "true": names[true],
            "predicted": names[predicted],
            "pixels": pixels,
            "share": pixels / int(matrix[true].sum()),
            "near_border": int(near[true, predicted]) / pixels,
        }
        for pixels, true, predicted in sorted(cells, key=lambda cell: (-cell[0], cell[1:]))[:_MOST_PAIRS]
    ]
