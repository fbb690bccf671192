"""The content of the report page of an instance evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.metrics.frequency import GROUPS
from segcli.metrics.instance_report import InstanceReport
from segcli.metrics.intervals import few_units, shown
from segcli.metrics.object_curves import curves
from segcli.metrics.object_errors import KINDS, errors_as_dict
from segcli.metrics.slices import SlicedColumn
from segcli.metrics.table import instance_headline
from segcli.steps.evaluate.page import Gallery, Page, PageTable, slice_tables

SCORE = "F1"
"""Column of the per-image table by which images are ranked."""
_MEANINGS = {
    "classification": "correct location, wrong class",
    "location": "correct class, poor overlap",
    "both": "wrong class, poor overlap",
    "duplicate": "another detection already matches the object",
    "background": "no object is there",
    "missed": "no detection overlaps the object",
}


def instance_page(
    title: str,
    report: InstanceReport,
    facts: Sequence[tuple[str, str]],
    columns: Sequence[SlicedColumn],
    galleries: Sequence[Gallery],
) -> Page:
    """Numbers with intervals, classes, kinds of error, slices and galleries."""
    most = report.limits.max_detections
    headline = [
        (name, shown(value, report.intervals.all.get(name))) for name, value in instance_headline(report).items()
    ]
    headline += [("AP lost by tiles", shown(report.tile_loss))] if report.whole is not None else []
    notes = [*report.warnings, *few_units(report.intervals.units, report.intervals.unit)]
    facts = [*facts, ("limit", f"{most} detections per image and class")]
    tables = [_classes(report), _frequencies(report), _errors(report), *slice_tables(columns, SCORE)]
    return Page(title, headline, facts, notes, [table for table in tables if table.rows], galleries)


def _classes(report: InstanceReport) -> PageTable:
    rows = []
    of_scores = curves(report.masks)
    for name, objects in report.objects_by_class.items():
        mask, known, best = (
            report.mask_by_class[name],
            report.intervals.by_class.get(name, {}),
            of_scores[name].summary(),
        )
        precision = shown(mask.AP, known.get("AP")), shown(mask.AP50, known.get("AP50")), shown(mask.AP75)
        cells = (shown(best[key]) for key in ("threshold", "F1", "precision", "recall"))
        rows.append((name, str(objects), *precision, *cells))
    columns = ("class", "objects", "AP", "AP50", "AP75", "best threshold", "F1", "precision", "recall")
    return PageTable("Classes", columns, rows, "the last four columns at IoU 0.5 and the threshold with the best F1")


def _frequencies(report: InstanceReport) -> PageTable:
    found = report.as_dict().get("frequency", {})
    rows = [
        (group, str(len(found[group]["classes"])), shown(found[group]["AP"], report.intervals.all.get(f"AP_{group}")))
        for group in GROUPS
        if group in found
    ]
    borders = report.frequencies.borders if report.frequencies else ()
    remark = f"rare and common: at most {' and '.join(map(str, borders))} training images (LVIS, Gupta et al. 2019)"
    return PageTable("By frequency of the classes", ("classes", "number", "AP"), rows, remark)


def _errors(report: InstanceReport) -> PageTable:
    found = errors_as_dict(report.masks)
    rows = [
        (f"{kind}: {_MEANINGS[kind]}", str(found["counts"][kind]), shown(found["AP50_gain"][kind]))
        for kind in sorted(KINDS, key=lambda kind: -(found["AP50_gain"][kind] or 0))
    ]
    return PageTable("Errors", ("kind", "number", "AP50 gained without it"), rows, "TIDE, Bolya et al. 2020")
