"""Annotation ids that are used more than once: all but the first get new ones."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Gives the repeated ones new ids above the highest id of their file."""
    for _, name, file in draft.annotation_files():
        entries = [entry for entry in file.content["annotations"] if isinstance(entry, dict)]
        entries = [entry for entry in entries if type(entry.get("id")) is int]
        top = max((entry["id"] for entry in entries), default=0)
        seen: set[int] = set()
        renumbered = 0
        for entry in entries:
            if entry["id"] in seen:
                top += 1
                renumbered += 1
                entry["id"] = top
            seen.add(entry["id"])
        if renumbered:
            file.is_changed = True
            draft.done(rule, name, f"new ids for {counted(renumbered, 'annotation')}")
