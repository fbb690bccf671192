"""Determines the classes of a LabelMe dataset and their order."""

from __future__ import annotations

from collections.abc import Iterable

from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding

_SPECIAL = (BACKGROUND_NAME, IGNORE_NAME)


def object_classes(dataset: LabelMeDataset) -> tuple[tuple[str, ...], list[Finding]]:
    """Class names without background and ignore, in the order of `label.txt`, else of first appearance.

    First appearance is determined over the training split, then the validation split, each in the order of its list.

    Returns:
        The names, and findings for labels that are missing from `label.txt` or differ only in case.
    """
    first_use = _first_use(dataset.samples)
    if dataset.label_names is None:
        names = tuple(name for name in first_use if name not in _SPECIAL)
        return names, _spellings(first_use)
    names = tuple(name for name in dataset.label_names if name not in _SPECIAL)
    unknown = [
        finding("L302", sample.name, f"{name!r} is not one of {', '.join(names)}")
        for name, sample in first_use.items()
        if name not in names and name not in _SPECIAL
    ]
    return names, unknown + _spellings(first_use)


def _first_use(samples: Iterable[LabelMeSample]) -> dict[str, LabelMeSample]:
    first: dict[str, LabelMeSample] = {}
    for sample in sorted(samples, key=lambda sample: sample.split is Split.VAL):
        for shape in sample.annotation.shapes:
            first.setdefault(shape.label, sample)
    return first


def _spellings(first_use: dict[str, LabelMeSample]) -> list[Finding]:
    folded: dict[str, str] = {}
    findings = []
    for name, sample in first_use.items():
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            findings.append(finding("L301", sample.name, f"{name!r} here, {other!r} elsewhere"))
    return findings
