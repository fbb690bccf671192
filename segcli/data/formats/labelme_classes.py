"""Determines the classes of a LabelMe dataset and their order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from segcli.data.class_files import is_background
from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding

_NUMBER = re.compile(r"^\d+\s*[:,.]?\s*")
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
    names = _meant(dataset.label_names, first_use)
    unknown = [
        finding("L302", sample.name, f"{name!r} is not one of {', '.join(names)}")
        for name, sample in first_use.items()
        if name not in names and name not in _SPECIAL
    ]
    return names, unknown + _spellings(first_use)


def _meant(written: Sequence[str], used: Collection[str]) -> tuple[str, ...]:
    """The names of `label.txt` without the background, where lines such as ``0: cat`` or ``cat,dog`` name labels that
    are used; as written where none of these readings knows them all."""
    numbered = [_NUMBER.sub("", line) for line in written]
    listed = [word.strip() for line in written for word in line.split(",") if word.strip()]
    labels = {label for label in used if label not in _SPECIAL}
    names = next((names for names in (written, numbered, listed) if labels <= set(names)), written)
    return tuple(name for name in names if name not in _SPECIAL and (name in labels or not is_background(name)))


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
