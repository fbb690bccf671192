"""The result of check_dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Protocol

from segcli.config.schema import CheckDatasetConfig
from segcli.data.classes import ClassMap
from segcli.data.samples import Split
from segcli.findings import Finding, Severity, as_entries, in_order
from segcli.plurals import counted, listed
from segcli.results import PreparationReport
from segcli.rules import RULES
from segcli.rules.settings import RuleSettings
from segcli.steps.check.looks import LookedAt

PASSED = "Check dataset passed !"
"""What PaddleX prints of a valid dataset; scripts look for it."""
_SHOWN_NAMES = 40


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs: number of pixels or objects, and of images that show it, by split."""

    class_id: int
    name: str
    amounts: dict[Split, int]
    images: dict[Split, int]
    unit: str = "pixels"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values: dict[str, Any] = {"id": self.class_id, "name": self.name}
        for split in Split:
            values[f"{split.value}_{self.unit}"] = self.amounts[split]
            values[f"{split.value}_images"] = self.images[split]
        return values


class LabelQualityReport(Protocol):
    """The label quality measured with a model."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""

    def row(self) -> tuple[str, str]:
        """A row for the terminal."""


@dataclass(frozen=True)
class CheckResult:
    """Statistics and findings of a dataset.

    Attributes:
        dataset_path: Folder of the dataset.
        dataset_type: PaddleX's name of the layout.
        findings: Every fault and remark, errors first.
        samples: Number of samples per split, as in PaddleX: images for semantic, annotations for instance data.
        classes: Names in order of their ids.
        class_counts: How often each class occurs.
        size_range: Width and height of the smallest and the largest image by area, in pixels; None without images.
        sample_paths: Drawn samples of each split, relative to the output folder; empty before they are drawn.
        histogram: Path of the histogram, relative to the output folder; None before it is drawn.
        report: Path of the HTML report, relative to the output folder; None before it is written.
        further: Further attributes, beside PaddleX's.
        images: Number of images per split, where `samples` counts something else.
        strict: Whether a warning makes the dataset invalid too.
        label_quality: The images whose labels a model contradicts; None if no model was given.
        preparation: Reports of the conversion and the split before the check, by name.
        looked_at: How many images were decoded, and how many were known from the last check.
    """

    dataset_path: str
    dataset_type: str
    findings: tuple[Finding, ...]
    samples: dict[Split, int]
    classes: ClassMap
    class_counts: tuple[ClassCount, ...]
    size_range: tuple[tuple[int, int], tuple[int, int]] | None
    sample_paths: dict[Split, tuple[str, ...]] = field(default_factory=dict)
    histogram: str | None = None
    report: str | None = None
    further: dict[str, Any] = field(default_factory=dict)
    images: dict[Split, int] | None = None
    strict: bool = False
    label_quality: LabelQualityReport | None = None
    preparation: dict[str, PreparationReport] = field(default_factory=dict)
    looked_at: LookedAt = field(default_factory=LookedAt)

    @property
    def valid(self) -> bool:
        """Whether no finding is an error, nor a warning where the check is strict."""
        return not self.count(Severity.ERROR) and not (self.strict and self.count(Severity.WARNING))

    @property
    def image_counts(self) -> dict[Split, int]:
        """Number of images per split."""
        return self.images or self.samples

    def count(self, severity: Severity) -> int:
        """Number of findings of one severity."""
        return self._counts[severity]

    @cached_property
    def _counts(self) -> Counter[Severity]:
        """Of very many findings, which many places ask for."""
        return Counter(map(attrgetter("severity"), self.findings))

    def rules(self) -> dict[str, dict[str, Any]]:
        """Title, count and help command of each rule among the findings."""
        return {
            code: {"title": RULES[code].title, "count": number, "help": f"segcli rule {code}"}
            for code, number in sorted(Counter(found.code for found in self.findings).items())
        }

    def as_dict(self) -> dict[str, Any]:
        """PaddleX's keys and segcli's own, as plain values for JSON."""
        attributes: dict[str, Any] = {}
        for split in Split:
            attributes[f"{split.value}_sample_paths"] = list(self.sample_paths.get(split, ()))
            attributes[f"{split.value}_samples"] = self.samples[split]
        attributes["num_classes"] = len(self.classes)
        attributes["class_names"] = list(self.classes.names)
        if self.size_range is not None:
            attributes["min_size"], attributes["max_size"] = (list(size) for size in self.size_range)
        attributes.update(self.further)
        return {
            "check_pass": self.valid,
            "attributes": attributes,
            "analysis": {"histogram": self.histogram, "classes": [count.as_dict() for count in self.class_counts]},
            "dataset_path": self.dataset_path,
            "show_type": "image",
            "dataset_type": self.dataset_type,
            "report": self.report,
            "findings_by_severity": {severity.value: self.count(severity) for severity in Severity},
            "rules": self.rules(),
            **as_entries(self.findings),
            "looked_at": self.looked_at.as_dict(),
            **({"label_quality": self.label_quality.as_dict()} if self.label_quality is not None else {}),
            **{step: report.as_dict() for step, report in self.preparation.items()},
        }

    def summary(self) -> list[tuple[str, str]]:
        """The most important rows, for the terminal."""
        rows = [
            ("dataset", self.dataset_path),
            ("samples", ", ".join(f"{count} {split.value}" for split, count in self.image_counts.items())),
            ("classes", f"{len(self.classes)}: {listed(self.classes.names, _SHOWN_NAMES)}"),
        ]
        if self.images is not None:
            rows.append(("annotations", ", ".join(f"{self.samples[split]} {split.value}" for split in Split)))
        if self.size_range is not None:
            smallest, largest = (f"{width} x {height}" for width, height in self.size_range)
            rows.append(("images", f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px"))
        rows.extend(self.looked_at.rows())
        verdict = "valid" if self.valid else "invalid in strict mode" if not self.count(Severity.ERROR) else "invalid"
        amounts = ", ".join(_amount(self.count(severity), severity) for severity in Severity)
        rows.append(("verdict", f"{verdict} ({amounts})"))
        rows += [("as PaddleX", PASSED)] if self.valid else []
        if self.label_quality is not None:
            rows.append(self.label_quality.row())
        tally = Counter(found.code for found in self.findings)
        rows.extend((code, f"{RULES[code].title}: {number}") for code, number in sorted(tally.items()))
        return rows


def reported(findings: Iterable[Finding], options: CheckDatasetConfig) -> tuple[Finding, ...]:
    """The findings to report, with the severities of the configuration, errors first."""
    settings = RuleSettings.of(options.rules, options.select, options.ignore)
    return tuple(in_order(settings.apply(findings)))


def _amount(number: int, severity: Severity) -> str:
    return f"{number} info" if severity is Severity.INFO else counted(number, severity.value)
