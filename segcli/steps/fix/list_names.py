"""Misspelt images and masks in lists: case, folders, slashes, accents, suffixes, hashes of other tools."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.lists import joined_line, split_line
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.names import NameIndex
from segcli.steps.fix.places import line_of


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the name of the only file that matches."""
    index = NameIndex(draft.root)
    roles = _roles(draft)
    for found in findings:
        place = line_of(found)
        if place is None:
            continue
        name, number = place
        file = draft.list_file(name)
        pair = split_line(draft.root, dict(file.entries()).get(number, ""))
        if pair is None:
            continue
        column = 0 if rule == "S201" else 1
        match = index.nearest(pair[column], barred=roles[1 - column])
        if match is None:
            draft.left(rule, found.path, "no single file of the dataset matches the name")
            continue
        corrected = (match, pair[1]) if column == 0 else (pair[0], match)
        file.replace(number, joined_line(*corrected))
        draft.done(rule, f"{name} line {number}", f"{pair[column]} becomes {match}")


def _roles(draft: Draft) -> tuple[set[str], set[str]]:
    """Files that are an image in some line, and files that are a mask in some line."""
    roles: tuple[set[str], set[str]] = (set(), set())
    for _, _, file in draft.list_files():
        for _, line in file.entries():
            pair = split_line(draft.root, line)
            for role, name in zip(roles, pair or (), strict=False):
                role.add(name.replace("\\", "/"))
    return roles
