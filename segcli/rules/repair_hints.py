"""Hints that name the `segcli fix` command where a finding can be repaired."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from segcli.findings import Finding, Severity
from segcli.rules import RULES, Repair

OTHER_VAL = "list other images for val"
"""In hints on copies whose repair would leave nothing in val."""
NO_IMAGES = "put the images of the dataset into its folder images"
"""The hint on missing images where none is there whose name could differ."""
_BY_HAND = (OTHER_VAL, NO_IMAGES)
REPAIRED = frozenset({Repair.SAFE, Repair.REVIEW})

_NAME = "where only its name differs"
SOMETIMES = {
    "S201": _NAME,
    "S202": _NAME,
    "C111": _NAME,
    "S207": "where the aspect ratio is the same, or EXIF turns the image",
    "Y107": "where every class in use has a name",
    "C143": "where only the spelling differs",
    "C114": "where the image was only resized, or width and height exchanged",
    "C108": "where each split has a file of its own",
    "L305": "where a name stands before the number",
    "C125": "where the points are pairs, text, or one list",
}
"""Rules whose repair succeeds only under a condition; otherwise the user must do what the rule's remedy says."""


def with_repairs(findings: Iterable[Finding], dataset_dir: Path) -> tuple[Finding, ...]:
    """The findings; the hint of each that `segcli fix` can repair names the command."""
    return tuple(_with_repair(found, dataset_dir) for found in findings)


def _with_repair(found: Finding, dataset_dir: Path) -> Finding:
    if found.code not in RULES or RULES[found.code].repair not in REPAIRED or found.code.startswith("D"):
        return found
    command = shlex.join(["segcli", "fix", str(dataset_dir), "--select", found.code])
    if any(text in (found.hint or "") for text in (command, *_BY_HAND)):
        return found
    if found.code in SOMETIMES:
        return found._replace(hint=f"{found.hint}; {SOMETIMES[found.code]}: {command}")
    if found.severity is Severity.INFO:
        return found._replace(hint=f"{found.hint}; to change it: {command}")
    return found._replace(hint=f"{command}; or {found.hint}")
