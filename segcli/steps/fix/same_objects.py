"""Objects outlined twice: the first one stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from segcli.data.formats.coco_objects import parse_object
from segcli.data.same_outlines import Outline, repeated_outlines
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.json_file import JsonFile
from segcli.steps.fix.places import Size, objects_of
from segcli.steps.fix.yolo_lines import drop_repeated_lines

Entry = dict[str, Any]


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Deletes the later ones; copies with another category stay, as only a person can decide which is right."""
    _repair_coco(draft, rule)
    drop_repeated_lines(draft, rule, findings)


def _repair_coco(draft: Draft, rule: str) -> None:
    entries: dict[tuple[str, Any], list[tuple[Entry, Outline]]] = defaultdict(list)
    files: dict[str, JsonFile] = {}
    sizes: dict[tuple[str, Any], Size] = {}
    for name, file, entry, size in objects_of(draft):
        value = parse_object(entry, 0, *size).value
        if value is not None:
            files[name], key = file, (name, entry["image_id"])
            sizes[key] = size
            entries[key].append((entry, value.segmentation))
    dropped: dict[str, list[Entry]] = defaultdict(list)
    for key, own in entries.items():
        width, height = sizes[key]
        for one in repeated_outlines([outline for _, outline in own], height, width):
            (original, _), (entry, _) = own[one.original], own[one.index]
            if original.get("category_id") == entry.get("category_id"):
                dropped[key[0]].append(entry)
            else:
                reason = f"annotations {original.get('id')} and {entry.get('id')} give two categories to one outline"
                draft.left(rule, key[0], f"{reason}: delete the wrong one")
    for name, gone in dropped.items():
        keys, file = {id(entry) for entry in gone}, files[name]
        file.content["annotations"] = [e for e in file.content["annotations"] if id(e) not in keys]
        file.is_changed = True
        ids = listed(gone, name=lambda entry: str(entry.get("id")))
        draft.done(rule, name, f"{counted(len(gone), 'copied annotation')} deleted (id {ids})")
