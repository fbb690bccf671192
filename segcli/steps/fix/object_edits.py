"""The loop that repairs of objects share: every annotation is edited, and each file is reported in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from segcli.plurals import counted
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import Size, objects_of

Edit = Callable[[dict[str, Any], Size], bool]
"""Changes an annotation in place, given the image size in pixels; returns whether it did."""


def edit_objects(draft: Draft, rule: str, edit: Edit, what: str, files: Collection[str] | None = None) -> None:
    """Applies `edit` to every annotation, or those of `files`, and records the number changed per file, in the message
    template `what`."""
    changed: Counter[str] = Counter()
    first: dict[str, int] = {}
    for name, file, entry, size in objects_of(draft):
        if (files is None or name in files) and edit(entry, size):
            file.is_changed = True
            changed[name] += 1
            first.setdefault(name, entry["id"])
    for name, count in changed.items():
        more = ", ..." if count > 1 else ""
        them = f"{counted(count, 'annotation')} (id {first[name]}{more})"
        draft.done(rule, name, what.format(them))
