"""Lines of LabelMe's lists that name a file of the other part, or one that is not there: taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segcli.findings import Finding
from segcli.steps.fix.draft import Draft

_LINE = re.compile(r"line (\d+)")


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Takes out the line; a file of both parts stays in train, whose list is read first."""
    for found in findings:
        match = _LINE.match(found.location or "")
        if match is None:
            continue
        file = draft.list_file(found.path)
        if len(list(file.entries())) == 1:
            draft.left(rule, found.path, "nothing would be left in it: write the list anew")
            continue
        draft.done(rule, found.path, f"line {match[1]} taken out: {file.remove(int(match[1]))}")
