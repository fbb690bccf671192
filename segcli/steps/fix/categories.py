"""Categories that are one: those with the same name, or names that look alike, become one category in every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from segcli.data.formats.coco_file import with_whole_ids
from segcli.data.look_alike import looks_of
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.json_file import JsonFile

RULES_OF_NAMES = frozenset({"C142", "C143", "C150"})
"""Rules of this repair, which the first of them does for all."""


def merge(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Keeps of names that look alike the one with the most objects, and of its categories the first of each file."""
    files = [(name, file) for _, name, file in draft.annotation_files()]
    for _, file in files:
        for entry in (*file.content["categories"], *file.content["annotations"]):
            with_whole_ids(entry)  # as the check reads them: "2" and 2.0 are category 2
    chosen = _chosen_names([file for _, file in files])
    changed = [_merge_file(draft, rule, name, file, chosen) for name, file in files]
    if not any(changed) and not any(action.is_done and action.rule in RULES_OF_NAMES for action in draft.actions):
        for found in findings:
            draft.left(rule, found.path, "no name differs in spelling alone: write the same categories into both files")


def _chosen_names(files: Sequence[JsonFile]) -> dict[str, str]:
    """The name to keep, by what it looks like."""
    objects: Counter[str] = Counter()
    for file in files:
        names = {entry["id"]: _name(entry) for entry in _categories(file)}
        used = Counter(one["category_id"] for one in _annotations(file))
        for id_, name in names.items():
            objects[name] += used[id_]
    chosen: dict[str, str] = {}
    for name, _ in objects.most_common():
        chosen.setdefault(looks_of(name), name)
    return chosen


def _merge_file(draft: Draft, rule: str, name: str, file: JsonFile, chosen: dict[str, str]) -> bool:
    kept: dict[str, Any] = {}
    new_ids: dict[Any, Any] = {}
    renamed: list[str] = []
    for entry in _categories(file):
        wanted = chosen[looks_of(_name(entry))]
        if wanted in kept:
            new_ids[entry["id"]] = kept[wanted]
            continue
        kept[wanted] = entry["id"]
        if _name(entry) != wanted:
            renamed.append(f"{_name(entry)!r} becomes {wanted!r}")
            entry["name"] = wanted
    moved = [one for one in _annotations(file) if one["category_id"] in new_ids]
    for one in moved:
        one["category_id"] = new_ids[one["category_id"]]
    if not renamed and not new_ids:
        return False
    kept_ids = set(kept.values())
    file.content["categories"] = [
        entry for entry in file.content["categories"] if not _is_named(entry) or entry["id"] in kept_ids
    ]
    file.is_changed = True
    merged = [f"{counted(len(new_ids), 'category', 'categories')} merged, with {counted(len(moved), 'annotation')}"]
    draft.done(rule, name, ", ".join([*renamed, *(merged if new_ids else [])]))
    return True


def _categories(file: JsonFile) -> Iterator[dict[str, Any]]:
    return (entry for entry in file.content["categories"] if _is_named(entry))


def _annotations(file: JsonFile) -> Iterator[dict[str, Any]]:
    entries = (entry for entry in file.content["annotations"] if isinstance(entry, dict))
    return (entry for entry in entries if type(entry.get("category_id")) is int)


def _is_named(entry: Any) -> bool:
    if not isinstance(entry, dict) or type(entry.get("id")) is not int:
        return False
    return isinstance(entry.get("name"), str) and bool(_name(entry))


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).strip()
