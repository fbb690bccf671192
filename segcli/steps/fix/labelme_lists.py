"""Lines of LabelMe's lists that name a missing file, or one that is in both lists: removed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segcli.data.formats.labelme_dataset import LIST_FILES
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft

_LINE = re.compile(r"line (\d+)")
_IN_BOTH = "L004"


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Removes the line; a file in both lists is removed from one, without emptying a list."""
    for found in findings:
        match = _LINE.match(found.location or "")
        if match is None:
            continue
        name, number = found.path, int(match[1])
        if len(list(draft.list_file(name).entries())) == 1 and rule == _IN_BOTH:
            name, number = _in_other(draft, name, number)
        if len(list(draft.list_file(name).entries())) == 1:
            draft.left(rule, name, "nothing would be left in it: write the list again")
            continue
        draft.done(rule, name, f"line {number} removed: {draft.list_file(name).remove(number)}")


def _in_other(draft: Draft, name: str, number: int) -> tuple[str, int]:
    """The line of the other list with the same text; the given line if there is none."""
    wanted = dict(draft.list_file(name).entries())[number]
    other = next(file for file in LIST_FILES.values() if file != name)
    lines = [place for place, text in draft.list_file(other).entries() if text == wanted]
    return (other, lines[0]) if lines else (name, number)
