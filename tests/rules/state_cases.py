"""Rules of changes to any dataset."""

from __future__ import annotations

import json

from tests.rules.replay import Change, Replay


def journal(state: str, target: str = "train.txt") -> Change:
    """A change of one file, as far as `state`."""

    def run(folder):
        step = folder.root / ".segcli" / "001-split"
        step.mkdir(parents=True)
        changes = [{"target": target, "backup": f"{target}.bak", "digest": "0" * 64, "original": None}]
        (step / "journal.json").write_text(json.dumps({"state": state, "changes": changes, "folders": []}))

    return run


STATE: tuple[Replay, ...] = (
    Replay("D001", journal("committing"), journal("done")),
    Replay("D002", journal("done", "../train.txt"), journal("done")),
)
