"""Pages for people: one file that holds everything, opened without a network."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from segcli.data.files import write_text_atomic
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import RULES, Rule
from segcli.steps.check.result import CheckResult
from segcli.version import __version__

LISTED = 200
"""Findings of one code that the page spells out; the result file holds all."""

_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one rule."""

    rule: Rule
    count: int
    findings: tuple[Finding, ...]


def write_check_report(result: CheckResult, output: Path, target: Path) -> None:
    """Writes the page of a check: verdict, findings by code with remedies, histogram and samples.

    Args:
        result: The check, with its histogram and samples drawn.
        output: Folder that the paths in `result` are relative to.
        target: Where the page goes.
    """
    facts = [(label, value) for label, value in result.summary() if label not in RULES]
    page = _environment().get_template("check_report.html").render(
        result=result,
        facts=facts,
        groups=group_findings(result.findings),
        amounts=result.class_counts[0].unit if result.class_counts else "pixels",
        histogram=data_uri(output / result.histogram) if result.histogram else None,
        samples={
            split.value: [(Path(path).stem, data_uri(output / path)) for path in result.sample_paths.get(split, ())]
            for split in Split
        },
        version=__version__,
    )  # fmt: skip
    write_text_atomic(target, page)


def group_findings(findings: tuple[Finding, ...]) -> list[FindingGroup]:
    """The findings by code, in their order; of each code the first `LISTED`."""
    groups = []
    for code, members in groupby(findings, key=lambda found: found.code):
        listed = tuple(members)
        groups.append(FindingGroup(RULES[code], len(listed), listed[:LISTED]))
    return groups


def data_uri(path: Path) -> str:
    """An image file as an address that holds its content."""
    return f"data:{_TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode('ascii')}"


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("segcli.steps.check"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
