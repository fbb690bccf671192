"""Boxes that do not enclose their outlines: converted from the convention they were written in, else computed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from segcli.data.formats.coco_boxes import READINGS
from segcli.data.formats.coco_objects import ParsedObject, outline_box, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size

_COVERED = {"C137": frozenset({"C121", "C122", "C134"})}
"""Faults of single boxes that one finding reports together where most boxes have one."""


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes ``[left, top, width, height]``."""
    edit = partial(_edit, codes=_COVERED.get(rule, frozenset({rule})))
    edit_objects(draft, rule, edit, "bbox of {} written as [left, top, width, height]")


def _edit(entry: dict[str, Any], size: Size, codes: frozenset[str]) -> bool:
    parsed = parse_object(entry, 0, *size)
    if parsed.value is None or not any(code in codes for code, _ in parsed.faults):
        return False
    entry["bbox"] = _box(entry, parsed, size)
    return True


def _box(entry: dict[str, Any], parsed: ParsedObject, size: Size) -> list[float]:
    reading = parsed.misfit.reading if parsed.misfit is not None else None
    if reading is not None:
        left, top, wide, high = map(float, entry["bbox"])
        return _tidy(READINGS[reading]((left, top, wide, high), size))
    assert parsed.value is not None
    return _tidy(outline_box(parsed.value.segmentation))


def _tidy(box: Sequence[float]) -> list[float]:
    return [round(side, 4) for side in box]
