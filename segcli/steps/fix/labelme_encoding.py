"""LabelMe files in the encoding of Chinese Windows: written in UTF-8."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.labelme import LEGACY_ENCODING
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the same text in UTF-8."""
    for name in dict.fromkeys(found.path for found in findings):
        draft.json_file(name).is_changed = True
        draft.done(rule, name, f"converted from {LEGACY_ENCODING} to UTF-8")
