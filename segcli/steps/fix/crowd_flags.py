"""`iscrowd` as a string or boolean: converted to the number 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import Fault, is_crowd
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.object_edits import edit_objects
from segcli.steps.fix.places import Size


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes 0 or 1."""
    edit_objects(draft, rule, _edit, "iscrowd of {} written as 0 or 1")


def _edit(entry: dict[str, Any], _size: Size) -> bool:
    faults: list[Fault] = []
    crowd = is_crowd(entry, faults)
    if not faults:
        return False
    entry["iscrowd"] = int(crowd)
    return True
