"""Lines that are in a list more than once: the first one stays."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.lists import split_line
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Removes all but the first."""
    for _, name, file in draft.list_files():
        seen: set[tuple[str, str]] = set()
        repeated = []
        for number, line in file.entries():
            pair = split_line(draft.root, line)
            if pair is not None and pair in seen:
                repeated.append(number)
            elif pair is not None:
                seen.add(pair)
        for number in repeated:
            file.remove(number)
        if repeated:
            draft.done(rule, name, f"{counted(len(repeated), 'repeated line')} removed ({listed(repeated)})")
