"""Misspelt image names in annotation files: case, folders, slashes, accents, suffixes, hashes of other tools."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.files import is_file
from segcli.data.formats.coco_file import IMAGE_FOLDER
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.names import NameIndex


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes the name of the only file in `images/` that matches."""
    folder = draft.root / IMAGE_FOLDER
    index = NameIndex(folder)
    for _, name, file in draft.annotation_files():
        entries = [entry for entry in file.content["images"] if isinstance(entry, dict)]
        used = {str(entry.get("file_name")) for entry in entries}
        for entry in entries:
            stated = str(entry.get("file_name"))
            if is_file(folder / stated.replace("\\", "/")):
                continue
            match = index.nearest(stated, barred=used)
            if match is None:
                draft.left(rule, f"{name} image id {entry.get('id')}", f"no single file in images/ matches {stated!r}")
                continue
            entry["file_name"] = match
            used.add(match)
            file.is_changed = True
            draft.done(rule, f"{name} image id {entry.get('id')}", f"{stated} becomes {match}")
