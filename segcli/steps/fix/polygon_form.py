"""Polygons in another form: pairs of coordinates, objects with x and y, one list without the outer one, or text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from typing import Any

from segcli.data.json_text import parse_json
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes ``[[x1, y1, x2, y2, ...], ...]``."""
    before = len(draft.actions)
    edit_objects(draft, rule, _edit, "polygons of {} written as [x1, y1, x2, y2, ...]")
    if len(draft.actions) == before and findings:
        draft.left(rule, findings[0].path, "the polygons are neither pairs nor text nor one list without an outer list")


def _edit(entry: dict[str, Any], _size: Size) -> bool:
    rings = _rings(entry.get("segmentation"))
    if rings is None or rings == entry["segmentation"]:
        return False
    entry["segmentation"] = rings
    return True


def _rings(outline: Any) -> list[list[float]] | None:
    """The polygons in COCO's form; None where a value is none of the known forms."""
    if isinstance(outline, str):
        outline = _parsed(outline)
    if not isinstance(outline, list) or not outline:
        return None
    if all(_is_number(value) for value in outline):
        return [outline]
    if all(_pair(value) is not None for value in outline) and len(outline) > 2:
        outline = [outline]
    rings = [_ring(ring) for ring in outline]
    return [ring for ring in rings if ring is not None] if None not in rings else None


def _ring(ring: Any) -> list[float] | None:
    if not isinstance(ring, list):
        return None
    values: list[Any] = [_number_in(value) for value in ring]
    if all(map(_is_number, values)):
        return values
    pairs = [_pair(value) for value in values]
    return [value for pair in pairs for value in pair or ()] if None not in pairs else None


def _pair(value: Any) -> tuple[float, float] | None:
    if isinstance(value, dict):
        value = [value.get("x"), value.get("y")]
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
        return value[0], value[1]
    return None


def _parsed(text: str) -> Any:
    try:
        return parse_json(text.encode())
    except ValueError:
        return None


def _number_in(value: Any) -> Any:
    """The number that a text holds; any other value as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            number = float(value)
            return number if isfinite(number) else value
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
