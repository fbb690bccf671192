"""Annotations that name images or categories by ids of another numbering: shifted by one, or by name."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.coco_references import shift_of
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def categories(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the ids of the categories."""
    _renumber(draft, rule, findings, "categories", "category_id")


def images(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the ids of the images."""
    _renumber(draft, rule, findings, "images", "image_id")


_NAMES = {"categories": "name", "images": "file_name"}


def _plain(name: str, listed: str) -> str:
    """A name as annotations give it: without spaces around it, that of a file without folders."""
    return name.replace("\\", "/").rpartition("/")[2] if listed == "images" else name.strip()


def _renumber(draft: Draft, rule: str, findings: Sequence[Finding], listed: str, key: str) -> None:
    wanted = {found.path for found in findings}
    for _, name, file in draft.annotation_files():
        if name not in wanted:
            continue
        owners = [one for one in file.content[listed] if isinstance(one, dict) and type(one.get("id")) is int]
        known = {one["id"]: one["id"] for one in owners}
        named = [one for one in owners if _NAMES[listed] in one]
        names: dict[int | str, int] = {_plain(str(one[_NAMES[listed]]), listed): one["id"] for one in named}
        entries = [one for one in file.content["annotations"] if isinstance(one, dict) and key in one]
        used = [one[key] for one in entries if isinstance(one[key], int | str)]
        shift = shift_of(used, known)
        table: dict[int | str, int] = {one: one + shift for one in used if type(one) is int} if shift else names
        changed = [one for one in entries if isinstance(one[key], int | str) and one[key] in table]
        for one in changed:
            one[key] = table[one[key]]
        if changed:
            file.is_changed = True
            how = f"{'raised' if shift > 0 else 'lowered'} by one" if shift else "written as the ids of those names"
            draft.done(rule, name, f"{key} of {counted(len(changed), 'annotation')} {how}")
        else:
            draft.left(rule, name, f"{key} could not be told")
