"""Lines of LabelMe's lists that name a file of the other part, or one that is not there: taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segcli.data.formats.labelme_dataset import LIST_FILES
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft

_LINE = re.compile(r"line (\d+)")
_IN_BOTH = "L004"


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Takes out the line; a file of both parts stays in train, unless nothing else would be left in val."""
    for found in findings:
        match = _LINE.match(found.location or "")
        if match is None:
            continue
        name, number = found.path, int(match[1])
        if len(list(draft.list_file(name).entries())) == 1 and rule == _IN_BOTH:
            name, number = _in_other(draft, name, number)
        if len(list(draft.list_file(name).entries())) == 1:
            draft.left(rule, name, "nothing would be left in it: write the list anew")
            continue
        draft.done(rule, name, f"line {number} taken out: {draft.list_file(name).remove(number)}")


def _in_other(draft: Draft, name: str, number: int) -> tuple[str, int]:
    """The line of the other list that names the same file; the given one where none does in the same words."""
    wanted = dict(draft.list_file(name).entries())[number]
    other = next(file for file in LIST_FILES.values() if file != name)
    lines = [place for place, text in draft.list_file(other).entries() if text == wanted]
    return (other, lines[0]) if lines else (name, number)
