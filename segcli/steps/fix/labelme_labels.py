"""Labels that look alike, or that count objects: changed to one spelling, or to the name without the number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segcli.data.formats.labelme_classes import counted_labels
from segcli.data.formats.labelme_dataset import LabelMeSample, read_labelme_dataset
from segcli.data.look_alike import looks_of
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes the spelling of label.txt, else the most frequent one."""
    dataset = read_labelme_dataset(draft.root)
    used = Counter(shape.label for sample in dataset.samples for shape in sample.annotation.shapes)
    chosen: dict[str, str] = {}
    for label in (*(dataset.label_names or ()), *(name for name, _ in used.most_common())):
        chosen.setdefault(looks_of(label), label)
    wrong = {label: chosen[looks_of(label)] for label in used if chosen[looks_of(label)] != label}
    _rename(draft, rule, dataset.samples, wrong)


def without_numbers(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the name without the number that counts the objects."""
    dataset = read_labelme_dataset(draft.root)
    wrong: dict[str, str] = {}
    for found in counted_labels(dataset):
        name = found.name
        if not name:
            draft.left(rule, findings[0].path, f"{found.names[0]!r} does not say what it is: write that by hand")
            continue
        if dataset.label_names is not None and name not in dataset.label_names:
            draft.left(rule, findings[0].path, f"label.txt has no {name!r}: write it there first")
            continue
        wrong |= dict.fromkeys(found.names, name)
    _rename(draft, rule, dataset.samples, wrong)


def _rename(draft: Draft, rule: str, samples: Sequence[LabelMeSample], wrong: Mapping[str, str]) -> None:
    for sample in samples:
        if not any(shape.label in wrong for shape in sample.annotation.shapes):
            continue
        file = draft.json_file(sample.name)
        changed = Counter[str]()
        for entry, label in _labels(file.content):
            if label in wrong:
                entry["label"] = wrong[label]
                changed[f"{label} becomes {wrong[label]}"] += 1
        file.is_changed = bool(changed) or file.is_changed
        draft.done(rule, sample.name, ", ".join(f"{what} ({number})" for what, number in changed.items()))


def _labels(content: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Shapes with their labels, stripped as the reader does."""
    for entry in content.get("shapes", []) if isinstance(content, dict) else []:
        if isinstance(entry, dict) and isinstance(entry.get("label"), str):
            yield entry, entry["label"].strip()
