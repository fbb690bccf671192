"""Outlines of LabelMe files: polygons that cross themselves are split, shapes drawn twice lose the later copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_format import LABELME
from segcli.data.formats.labelme_outlines import crossed, drawn_twice, shapes_of
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.crossings import MOST_CORNERS, uncrossed
from segcli.steps.fix.draft import Draft

Entries = list[dict[str, Any]]
Size = tuple[int, int]


def split_crossed(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Splits polygons at their crossings; the parts share a `group_id`, which makes them one object."""
    for name, shapes, entries, _ in _files(draft, rule, findings):
        changed = 0
        for shape, _place in crossed(shapes):
            if len(shape.points) > MOST_CORNERS:
                draft.left(rule, name, f"shape {shape.number} has too many corners: draw it again")
                continue
            parts = uncrossed(tuple(value for point in shape.points for value in point))
            entry = entries[shape.number]
            if len(parts) > 1 and entry.get("group_id") is None:
                entry["group_id"] = _free_group(entries)
            for part in parts[1:]:
                entries.append({**copy.deepcopy(entry), "points": _points(part)})
            entry["points"] = _points(parts[0])
            changed += 1
        if changed:
            draft.done(rule, name, f"{counted(changed, 'polygon')} split where they cross themselves")


def drop_copies(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Deletes the later copies of a shape; those with another label stay, as only a person can decide."""
    for name, shapes, entries, size in _files(draft, rule, findings):
        gone = []
        for shape, original, _ in drawn_twice(shapes, size):
            if shape.label == original.label:
                gone.append(entries[shape.number])
            else:
                both = f"shapes {original.number} and {shape.number}"
                draft.left(rule, name, f"{both} give two labels to one outline: delete the wrong one")
        if gone:
            entries[:] = [entry for entry in entries if not any(entry is one for one in gone)]
            draft.done(rule, name, f"{counted(len(gone), 'copied shape')} deleted")


def _files(draft: Draft, rule: str, findings: Sequence[Finding]) -> Iterator[tuple[str, list[Shape], Entries, Size]]:
    """Name, readable shapes, entries and size of the files that findings name, as long as another repair has not
    changed them."""
    names = {found.path for found in findings}
    for image in LABELME.read(draft.root).images if names else ():
        if image.name not in names:
            continue
        file = draft.json_file(image.name)
        if file.is_changed:
            draft.left(rule, image.name, "another repair changes this file: type the command again afterwards")
            continue
        before = copy.deepcopy(file.content["shapes"])
        yield image.name, shapes_of(image), file.content["shapes"], image.size
        file.is_changed = file.content["shapes"] != before


def _points(ring: Sequence[float]) -> list[list[float]]:
    values = [round(value, 4) for value in ring]
    return [list(pair) for pair in zip(values[0::2], values[1::2], strict=True)]


def _free_group(entries: Entries) -> int:
    """A group id that no shape of the file has."""
    used = [int(str(entry.get("group_id"))) for entry in entries if str(entry.get("group_id")).isdecimal()]
    return max(used, default=0) + 1
