"""What the repairs of objects have in common: every annotation is looked at, and one line tells of a whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from segcli.plurals import counted
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import Size, objects_of

Edit = Callable[[dict[str, Any], Size], bool]
"""Changes an annotation in place; whether it did."""


def edit_objects(draft: Draft, rule: str, edit: Edit, what: str) -> None:
    """Does `edit` to every annotation and notes how many of each file it changed, in the words of `what`."""
    changed: Counter[str] = Counter()
    first: dict[str, int] = {}
    for name, file, entry, size in objects_of(draft):
        if edit(entry, size):
            file.is_changed = True
            changed[name] += 1
            first.setdefault(name, entry["id"])
    for name, count in changed.items():
        more = ", ..." if count > 1 else ""
        them = f"{counted(count, 'annotation')} (id {first[name]}{more})"
        draft.done(rule, name, what.format(them))
