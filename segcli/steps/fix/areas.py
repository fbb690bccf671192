"""Areas that are missing or differ from those of the outlines: computed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from segcli.data.formats.coco_objects import outline_area, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes the area of the outline in square pixels."""
    edit_objects(draft, rule, partial(_edit, rule=rule), "area of {} computed from the outline")


def _edit(entry: dict[str, Any], size: Size, rule: str) -> bool:
    parsed = parse_object(entry, 0, *size)
    if parsed.value is None or not any(code == rule for code, _ in parsed.faults):
        return False
    entry["area"] = round(outline_area(parsed.value.segmentation), 4)
    return True
