"""Normalised outlines and boxes: converted to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import outline_area, outline_box, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes the outline in pixels; box and area are computed from it."""
    edit_objects(draft, rule, _edit, "outline, bbox and area of {} converted from normalised coordinates to pixels")


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
