"""Lists that are not plain UTF-8: rewritten as UTF-8, with no line changed."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.findings import Finding
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes UTF-8 without byte order mark."""
    for _, name, file in draft.list_files():
        if file.odd_encoding is not None:
            draft.done(rule, name, f"converted to UTF-8: it is {file.odd_encoding}")
            file.as_utf8()
