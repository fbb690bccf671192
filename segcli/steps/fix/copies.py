"""Duplicate images: removed from val if they are in train, and within each split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.json_file import JsonFile
from segcli.steps.fix.places import image_of, line_of


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Removes the copies from their list or annotation file; no image file is deleted."""
    for found in findings:
        if found.location is None:  # all images of val; the check knows what helps
            draft.left(rule, found.path, f"nothing would be left in val: {found.hint}")
    for name, numbers in by_file(line_of, findings).items():
        file = draft.list_file(name)
        present = {number for number, _ in file.entries()}
        if not would_be_empty(draft, rule, name, len(present - numbers)):
            for number in sorted(numbers & present):
                file.remove(number)
            draft.done(rule, name, f"{many(len(numbers), 'copy')} removed from the list")
    for name, ids in by_file(image_of, findings).items():
        json_file = draft.json_file(name)
        if json_file.is_coco and not would_be_empty(draft, rule, name, len(json_file.content["images"]) - len(ids)):
            _drop(json_file, ids)
            draft.done(rule, name, f"{many(len(ids), 'copy')} removed with their annotations")


def by_file(place_of: Callable[[Finding], tuple[str, int] | None], findings: Sequence[Finding]) -> dict[str, set[int]]:
    """The line numbers or image ids that findings name, by file."""
    found: dict[str, set[int]] = defaultdict(set)
    for one in findings:
        place = place_of(one)
        if place is not None:
            found[place[0]].add(place[1])
    return found


def many(number: int, noun: str) -> str:
    """A number with its noun: ``1 copy``, ``2 copies``, ``2 lines``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def would_be_empty(draft: Draft, rule: str, name: str, left: int) -> bool:
    """Whether a file would have no sample left; if so, the draft records that the repair was not made."""
    if left > 0:
        return False
    draft.left(rule, name, "nothing would be left in it: split the dataset again (segcli split)")
    return True


def _drop(file: JsonFile, ids: set[int]) -> None:
    def is_kept(entry: Any, key: str) -> bool:
        return not (isinstance(entry, dict) and entry.get(key) in ids)

    file.content["images"] = [entry for entry in file.content["images"] if is_kept(entry, "id")]
    file.content["annotations"] = [entry for entry in file.content["annotations"] if is_kept(entry, "image_id")]
    file.is_changed = True
