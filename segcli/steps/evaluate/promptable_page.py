"""The content of the report page of a promptable evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from segcli.metrics.intervals import few_units, shown
from segcli.metrics.promptable_measure import TEXT_PROTOCOLS, ClickReport, TextReport
from segcli.metrics.promptable_scores import BOX, PROTOCOLS
from segcli.steps.evaluate.image_file import Table
from segcli.steps.evaluate.page import Page, PageTable
from segcli.steps.evaluate.semantic_page import semantic_page

_MOST_OBJECTS = 20
"""Number of objects with the lowest IoU that the page names."""


def promptable_page(
    title: str, report: ClickReport | TextReport, facts: Sequence[tuple[str, str]], table: Table
) -> Page:
    """Numbers with intervals, how each is measured, and the worst objects (clicks) or the classes (texts).

    Args:
        title: What was measured, on what.
        report: The measurement.
        facts: Model, weights, data, command.
        table: A row per prompt or per image.
    """
    if isinstance(report, TextReport):
        page = semantic_page(title, report.labels, facts, (), ())
        known = report.labels.intervals.all
        headline = [(name, shown(value, known.get(name))) for name, value in report.totals().items()]
        return replace(page, headline=headline, tables=[_protocols(TEXT_PROTOCOLS, headline), *page.tables])
    intervals = report.intervals
    headline = [(name, shown(value, intervals.all.get(name))) for name, value in report.totals().items()]
    tables = [_protocols(PROTOCOLS, headline), _worst_objects(table)]
    return Page(title, headline, facts, few_units(intervals.units, intervals.unit), [one for one in tables if one.rows])


def _protocols(texts: dict[str, str], headline: Sequence[tuple[str, str]]) -> PageTable:
    rows = [(name, texts[name]) for name, _ in headline if name in texts]
    return PageTable("How it is measured", ("number", "meaning"), rows, words=2)


def _worst_objects(table: Table) -> PageTable:
    """The objects whose box gave the lowest IoU."""
    columns = list(dict.fromkeys(name for row in table for name in row))
    rows = sorted(table, key=lambda row: (row[f"IoU {BOX}"], row["image"], row["object"]))[:_MOST_OBJECTS]
    remark = "by the IoU of their box; objects are counted from 0 in each image"
    return PageTable("Worst objects", columns, [[_cell(row.get(name)) for name in columns] for row in rows], remark)


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
