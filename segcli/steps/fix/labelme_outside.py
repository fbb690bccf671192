"""Shapes that lie completely outside of the image: deleted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft

_SHAPE = re.compile(r"shape (\d+)")


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Deletes them unless all shapes of a file lie outside, which points to another fault than stray shapes."""
    outside: dict[str, set[int]] = defaultdict(set)
    for found in findings:
        match = _SHAPE.match(found.location or "")
        if match is not None:
            outside[found.path].add(int(match[1]))
    for name, numbers in outside.items():
        file = draft.json_file(name)
        shapes = file.content["shapes"]
        if len(numbers) == len(shapes):
            draft.left(rule, name, "all of its shapes lie outside: look at it in LabelMe, the image may be wrong")
            continue
        file.content["shapes"] = [entry for number, entry in enumerate(shapes) if number not in numbers]
        file.is_changed = True
        draft.done(rule, name, f"{counted(len(numbers), 'shape')} outside of the image deleted")
