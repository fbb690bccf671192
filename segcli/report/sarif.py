"""Findings in SARIF 2.1.0 (OASIS), which code hosts and editors show beside the files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from segcli.data.files import write_json_atomic
from segcli.findings import Finding, Severity
from segcli.rules import RULES
from segcli.version import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LINE = re.compile(r"(?:(?P<file>\S+\.txt) )?line (?P<line>\d+)")
_ROOT = "DATASET"


def write_sarif(findings: Sequence[Finding], root: Path, target: Path) -> None:
    """Writes one run with all findings.

    Args:
        findings: What was found, with paths relative to `root`.
        root: The dataset.
        target: Where the file goes.
    """
    ids = sorted({found.code for found in findings})
    driver = {
        "name": "segcli",
        "version": __version__,
        "rules": [_rule(rule_id) for rule_id in ids],
    }
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {_ROOT: {"uri": f"{root.resolve().as_uri()}/"}},
        "results": list(_results(findings, {rule_id: place for place, rule_id in enumerate(ids)})),
        "columnKind": "unicodeCodePoints",
    }
    write_json_atomic(target, {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule_id: str) -> dict[str, Any]:
    rule = RULES[rule_id]
    return {
        "id": rule_id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.remedy, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _results(findings: Iterable[Finding], places: dict[str, int]) -> Iterable[dict[str, Any]]:
    for found in findings:
        remedy = f" -> {found.hint}" if found.hint else ""
        yield {
            "ruleId": found.code,
            "ruleIndex": places[found.code],
            "level": _LEVELS[found.severity],
            "message": {"text": f"{found.message}{remedy}"},
            "locations": [_location(found)],
        }


def _location(found: Finding) -> dict[str, Any]:
    """The file with its line, where the finding lies in a line of it; another place as a name."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(found.path), "uriBaseId": _ROOT}}
    if Path(found.path).is_absolute():
        physical["artifactLocation"] = {"uri": Path(found.path).as_uri()}
    line = _LINE.fullmatch(found.location or "")
    if line and line["file"] is None:
        return {"physicalLocation": {**physical, "region": {"startLine": int(line["line"])}}}
    if found.location:
        return {"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": found.location}]}
    return {"physicalLocation": physical}
