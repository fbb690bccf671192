"""Outlines that are not x, y in pixels: normalised, in percent, or y before x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import outline_area, outline_box, parse_object
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size

_DONE = "outline, bbox and area of {} converted from %s"


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes normalised outlines in pixels; box and area are computed from them."""
    edit_objects(draft, rule, _from_shares, _DONE % "normalised coordinates to pixels")


def from_percent(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes outlines in percent in pixels, in the files that findings name."""
    files = {found.path for found in findings}
    edit_objects(draft, rule, _from_percent, _DONE % "percent to pixels", files)


def exchange(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes x before y, in the files that findings name."""
    files = {found.path for found in findings}
    edit_objects(draft, rule, _exchanged, _DONE % "y, x to x, y", files)


def _from_shares(entry: dict[str, Any], size: Size) -> bool:
    if not any(code == "C136" for code, _ in parse_object(entry, 0, *size).faults):
        return False
    return scaled(entry, (float(size[0]), float(size[1])))


def _from_percent(entry: dict[str, Any], size: Size) -> bool:
    return _has_polygons(entry, size) and scaled(entry, (size[0] / 100, size[1] / 100))


def _exchanged(entry: dict[str, Any], size: Size) -> bool:
    if not _has_polygons(entry, size):
        return False
    rings = [[ring[index ^ 1] for index in range(len(ring))] for ring in entry["segmentation"]]
    return _write(entry, rings)


def _has_polygons(entry: dict[str, Any], size: Size) -> bool:
    """Whether the outline is polygons, all of them readable."""
    parsed = parse_object(entry, 0, *size)
    unreadable = any(code in ("C124", "C125") for code, _ in parsed.faults)
    return parsed.around is not None and not unreadable and isinstance(entry["segmentation"], list)


def scaled(entry: dict[str, Any], factors: tuple[float, float]) -> bool:
    """Multiplies the polygons of an annotation; box and area are computed from them."""
    rings = [[value * factors[index % 2] for index, value in enumerate(ring)] for ring in entry["segmentation"]]
    return _write(entry, rings)


def _write(entry: dict[str, Any], rings: list[list[float]]) -> bool:
    entry["segmentation"] = [[round(value, 4) for value in ring] for ring in rings]
    outline = tuple(tuple(ring) for ring in entry["segmentation"])
    entry["bbox"] = [round(side, 4) for side in outline_box(outline)]
    entry["area"] = round(outline_area(outline), 4)
    return True
