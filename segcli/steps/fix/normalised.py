"""Outlines and boxes between 0 and 1: times the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import outline_area, outline_box, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes pixels; box and area are computed from them."""
    edit_objects(draft, rule, _edit, "outline, bbox and area of {} from shares of the image to pixels")


def _edit(entry: dict[str, Any], size: Size) -> bool:
    if not any(code == "C136" for code, _ in parse_object(entry, 0, *size).faults):
        return False
    entry["segmentation"] = [
        [round(value * size[index % 2], 4) for index, value in enumerate(ring)] for ring in entry["segmentation"]
    ]
    rings = tuple(tuple(ring) for ring in entry["segmentation"])
    entry["bbox"] = [round(side, 4) for side in outline_box(rings)]
    entry["area"] = round(outline_area(rings), 4)
    return True
