"""LabelMe points that are shares or percent of the image: converted to pixels."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.labelme_format import LABELME
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Multiplies the points of every file by the size of its image."""
    percent = any("percent" in found.message for found in findings)
    for image in LABELME.read(draft.root).images:
        file = draft.json_file(image.name)
        height, width = (side / (100 if percent else 1) for side in image.size)
        entries = [entry for entry in file.content["shapes"] if isinstance(entry, dict) and entry.get("points")]
        for entry in entries:
            entry["points"] = [[round(x * width, 4), round(y * height, 4)] for x, y in entry["points"]]
        if entries:
            file.is_changed = True
            draft.done(rule, image.name, f"points of {counted(len(entries), 'shape')} converted to pixels")
