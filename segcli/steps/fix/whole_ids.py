"""Ids written as text or decimals: written as whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.coco_file import whole_ids
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes the ids by which the check reads the file."""
    for _, name, file in draft.annotation_files():
        mended = whole_ids(file.content)
        if mended:
            file.is_changed = True
            draft.done(rule, name, f"ids of {counted(mended, 'item')} written as whole numbers")
