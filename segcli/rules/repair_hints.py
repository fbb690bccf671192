"""Hints that name the `segcli fix` command where a finding can be repaired."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from segcli.findings import Finding, Severity
from segcli.rules import RULES, Repair

REPAIRED = frozenset({Repair.SAFE, Repair.REVIEW})

ONLY_NAMES = frozenset({"S201", "S202", "C111"})
"""Rules on missing files: a repair finds a file only if its name is misspelt; otherwise the user must provide it."""


def with_repairs(findings: Iterable[Finding], dataset_dir: Path) -> tuple[Finding, ...]:
    """The findings; the hint of each that `segcli fix` can repair names the command."""
    return tuple(_with_repair(found, dataset_dir) for found in findings)


def _with_repair(found: Finding, dataset_dir: Path) -> Finding:
    if found.code not in RULES or RULES[found.code].repair not in REPAIRED or found.code.startswith("D"):
        return found
    command = shlex.join(["segcli", "fix", str(dataset_dir), "--select", found.code])
    if command in (found.hint or ""):
        return found
    if found.code in ONLY_NAMES:
        return replace(found, hint=f"{found.hint}; where only its name differs: {command}")
    if found.severity is Severity.INFO:
        return replace(found, hint=f"{found.hint}; to change it: {command}")
    return replace(found, hint=f"{command}; or {found.hint}")
