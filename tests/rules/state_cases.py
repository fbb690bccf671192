"""Rules of changes to any dataset."""

from __future__ import annotations

import json

import pytest

from segcli.data.changes.settled import read_settled, unreadable_findings
from segcli.data.walk import files_below
from tests.files import close_folders
from tests.rules.replay import Change, Replay


def journal(state: str, target: str = "train.txt") -> Change:
    """A change of one file, as far as `state`."""

    def run(folder):
        step = folder.root / ".segcli" / "001-split"
        step.mkdir(parents=True)
        changes = [{"target": target, "backup": f"{target}.bak", "digest": "0" * 64, "original": None}]
        (step / "journal.json").write_text(json.dumps({"state": state, "changes": changes, "folders": []}))

    return run


def hidden(name: str) -> Change:
    """A folder in the dataset; `closed` is the name of the one that nobody may read."""
    return lambda folder: (folder.root / name).mkdir()


def look_without_rights(folder, _option):
    """Looks as a user who may not read folders of that name; the superuser, who may, runs these tests too."""
    with pytest.MonkeyPatch.context() as patch:
        close_folders(patch)
        return read_settled(folder.root, lambda: files_below(folder.root) and unreadable_findings(folder.root))


STATE: tuple[Replay, ...] = (
    Replay("D001", journal("committing"), journal("done")),
    Replay("D002", journal("done", "../train.txt"), journal("done")),
    Replay("D003", hidden("images/closed"), hidden("images/.git"), look=look_without_rights),
)
