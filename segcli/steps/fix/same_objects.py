"""Duplicate objects with the same outline: the first one stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_file import plain_id
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Deletes the later ones; copies with another category stay, as only a person can decide which is right."""
    for _, name, file in draft.annotation_files():
        first: dict[tuple[Any, str], dict[str, Any]] = {}
        dropped: list[Any] = []
        for entry in file.content["annotations"]:
            if not isinstance(entry, dict) or not entry.get("segmentation"):
                continue
            key = (plain_id(entry.get("image_id")), _outline(entry["segmentation"]))
            original = first.setdefault(key, entry)
            if original is entry:
                continue
            if original.get("category_id") == entry.get("category_id"):
                dropped.append(entry)
            else:
                reason = f"annotations {original.get('id')} and {entry.get('id')} give two categories to one outline"
                draft.left(rule, name, f"{reason}: delete the wrong one")
        if dropped:
            gone = {id(entry) for entry in dropped}
            file.content["annotations"] = [e for e in file.content["annotations"] if id(e) not in gone]
            file.is_changed = True
            ids = ", ".join(str(entry.get("id")) for entry in dropped[:5])
            draft.done(rule, name, f"{counted(len(dropped), 'copied annotation')} deleted (id {ids})")


def _outline(segmentation: Any) -> str:
    """A text that is equal for outlines whose coordinates agree when rounded to a tenth of a pixel."""
    if isinstance(segmentation, list):
        rounded = [
            [round(value, 1) if isinstance(value, int | float) else value for value in ring]
            if isinstance(ring, list)
            else ring
            for ring in segmentation
        ]
        return json.dumps(sorted(rounded, key=str))
    return json.dumps(segmentation, sort_keys=True)
