"""Shapes called hole: grouped with the shape that they lie in, as which they are read as holes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from segcli.data.formats.labelme_dataset import read_labelme_dataset
from segcli.data.formats.labelme_nested import holes_in
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Gives each hole the label and the `group_id` of the shape around it."""
    for sample in read_labelme_dataset(draft.root).samples:
        holes = holes_in(sample.annotation.shapes)
        if not holes:
            continue
        file = draft.json_file(sample.name)
        entries = file.content["shapes"]
        taken = Counter(shape.group_id for shape in sample.annotation.shapes if isinstance(shape.group_id, int))
        free = max(taken, default=0)
        for hole, around in holes:
            if entries[around.number].get("group_id") is None:
                free += 1
                entries[around.number]["group_id"] = free
            entries[hole.number]["label"] = entries[around.number]["label"]
            entries[hole.number]["group_id"] = entries[around.number]["group_id"]
        file.is_changed = True
        draft.done(rule, sample.name, f"{counted(len(holes), 'hole')} grouped with the shape around it")
