"""Labels that look alike: changed to one spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from segcli.data.formats.labelme_dataset import read_labelme_dataset
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
    for sample in dataset.samples:
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
