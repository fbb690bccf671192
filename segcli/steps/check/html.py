"""The HTML report: one self-contained file that needs no network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from segcli.data.files import write_text_atomic
from segcli.data.samples import Split
from segcli.findings import Finding, Severity
from segcli.report.pages import data_uri, uri_of
from segcli.rules import RULES, Rule
from segcli.rules.rule import SECTIONS
from segcli.steps.check.result import CheckResult
from segcli.text import safe
from segcli.version import __version__

_COMMAND = re.compile(r"(segcli (?:fix|convert|split|undo|check|rule) [^;,]*?(?=;|,|$| writes| and ))")
LISTED = 200
"""Findings per rule that the page lists; the result file has all."""


@dataclass(frozen=True)
class Thumbnail:
    """The drawing of a finding, as the bytes of a JPEG file."""

    found: Finding
    jpeg: bytes

    @property
    def uri(self) -> Markup:
        """The image as a data URL."""
        return uri_of("image/jpeg", self.jpeg)


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one rule: their severity and number, and the first of them."""

    rule: Rule
    severity: Severity
    count: int
    findings: tuple[Finding, ...]
    thumbnails: tuple[Thumbnail, ...] = ()

    @property
    def remedy(self) -> str:
        """The hint that all findings share, else the remedy of the rule."""
        hints = {found.hint for found in self.findings}
        hint = hints.pop() if len(hints) == 1 else None
        return hint or self.rule.remedy

    @property
    def has_places(self) -> bool:
        """Whether a finding names a place in its file."""
        return any(found.location for found in self.findings)


def _drawn(result: CheckResult, split: Split, output: Path) -> list[Path]:
    """The drawn samples of a split; another check into the same folder may just have removed them."""
    return [output / path for path in result.sample_paths.get(split, ()) if (output / path).is_file()]


def write_check_report(
    result: CheckResult, output: Path, thumbnails: Mapping[str, Sequence[Thumbnail]], target: Path
) -> None:
    """Writes the report of a check: verdict, findings by rule with remedies, histogram and samples.

    Args:
        result: Result of the check, with paths of histogram and samples.
        output: Folder to which the paths in `result` are relative.
        thumbnails: Drawings of findings by rule id.
        target: Path of the HTML file.
    """
    facts = [(label, value) for label, value in result.summary() if label not in RULES]
    page = _environment().get_template("check_report.html").render(
        result=result,
        facts=facts,
        groups=group_findings(result.findings, thumbnails),
        amounts=result.class_counts[0].unit if result.class_counts else "pixels",
        histogram=data_uri(output / result.histogram) if result.histogram else None,
        samples={
            split.value: [(path.stem, data_uri(path)) for path in _drawn(result, split, output)]
            for split in Split
        },
        sections=SECTIONS,
        version=__version__,
    )  # fmt: skip
    write_text_atomic(target, page)


def group_findings(findings: tuple[Finding, ...], thumbnails: Mapping[str, Sequence[Thumbnail]]) -> list[FindingGroup]:
    """Groups findings that are sorted by rule; lists the first `LISTED` of each."""
    groups = []
    for code, members in groupby(findings, key=lambda found: found.code):
        listed = tuple(members)
        drawn = tuple(thumbnails.get(code, ()))
        groups.append(FindingGroup(RULES[code], listed[0].severity, len(listed), listed[:LISTED], drawn))
    return groups


def code_marked(text: str) -> Markup:
    """A rule's text as HTML; text between backticks becomes code."""
    safe = str(escape(text))
    blocks = re.sub(r"```\w*\n(.*?)\n```\n?", r"<pre>\1</pre>", safe, flags=re.DOTALL)
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", blocks))


def commands_marked(text: str) -> Markup:
    """A remedy as HTML; segcli commands become code."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(safe(text)))))


def _visible(value: Any) -> Any:
    """Escapes control characters and undecodable bytes visibly; text that is already HTML stays."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("segcli.steps.check"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_visible,
    )  # fmt: skip
    environment.filters["code_marked"] = code_marked
    environment.filters["commands_marked"] = commands_marked
    return environment
