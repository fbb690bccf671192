"""Changes happen whole or not at all, whenever the run dies, and are undone byte for byte."""

from __future__ import annotations

import pytest

from segcli.data.changes.journal import added_files
from segcli.data.changes.transaction import recover, transaction
from segcli.data.changes.undo import undo
from segcli.errors import UsageError
from tests.death import calls_of, die
from tests.files import snapshot

OLD = {"a.txt": b"a", "deep": None, "deep/b.txt": b"b", "same.txt": b"same"}
NEW = OLD | {
    "a.txt": b"A",
    "a.txt.bak": b"a",
    "deep/b.txt": b"B",
    "deep/b.txt.bak": b"b",
    "fresh": None,
    "fresh/inner": None,
    "fresh/inner/c.txt": b"C",
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name, content in OLD.items():
        if content is not None:
            (tmp_path / "data" / name).write_bytes(content)
    return tmp_path / "data"


def change(root):
    with transaction(root, "test") as changes:
        for name in ("a.txt", "deep/b.txt", "fresh/inner/c.txt", "same.txt"):
            changes.stage(name).write_bytes(NEW[name])
    return changes.changes


def test_files_take_their_places_and_originals_are_kept(root):
    changes = change(root)
    assert snapshot(root) == NEW
    assert [(entry.target, entry.backup) for entry in changes] == [
        ("a.txt", "a.txt.bak"),
        ("deep/b.txt", "deep/b.txt.bak"),
        ("fresh/inner/c.txt", None),
    ]
    assert added_files(root) == {root / "fresh/inner/c.txt"}


def test_the_same_again_changes_nothing(root):
    change(root)
    before = snapshot(root, without="")
    assert change(root) == []
    assert snapshot(root, without="") == before


def test_undo_restores_everything(root):
    change(root)
    assert len(undo(root).changes) == 3
    assert snapshot(root, without="") == OLD
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(root)


def test_no_backup_is_overwritten(root):
    for content in (b"1", b"2", b"3"):
        with transaction(root, "test") as changes:
            changes.stage("a.txt").write_bytes(content)
    contents = [(root / f"a.txt{suffix}").read_bytes() for suffix in ("", ".bak.2", ".bak.1", ".bak")]
    assert contents == [b"3", b"2", b"1", b"a"]
    for _ in range(3):
        undo(root)
    assert snapshot(root, without="") == OLD


def test_an_error_leaves_the_old_state(root):
    with pytest.raises(RuntimeError), transaction(root, "test") as changes:
        changes.stage("a.txt").write_bytes(b"A")
        raise RuntimeError
    assert snapshot(root, without="") == OLD


def test_death_at_any_step_leaves_old_or_new(root, monkeypatch):
    steps = calls_of(lambda: change(root), monkeypatch)
    undo(root)
    assert steps > 10
    outcomes = set()
    for at in range(1, steps + 1):
        assert die(lambda: change(root), monkeypatch, at)
        recover(root)
        state = snapshot(root)
        assert state in (OLD, NEW), at
        outcomes.add(state == NEW)
        if state == NEW:
            undo(root)
        assert snapshot(root, without="") == OLD, at
    assert outcomes == {False, True}


def test_death_in_the_roll_back_too(root, monkeypatch):
    steps = calls_of(lambda: change(root), monkeypatch)
    undo(root)
    rolled_back = 0
    for at in range(1, steps + 1):
        assert die(lambda: change(root), monkeypatch, at)
        for later in range(1, 100):
            if not die(lambda: recover(root), monkeypatch, later):
                break
            rolled_back += 1
        state = snapshot(root)
        assert state in (OLD, NEW), at
        if state == NEW:
            undo(root)
        assert snapshot(root, without="") == OLD, at
    assert rolled_back > steps


def test_death_in_undo_is_finished_by_the_next_run(root, monkeypatch):
    change(root)
    steps = calls_of(lambda: undo(root), monkeypatch)
    for at in range(1, steps + 1):
        change(root)
        assert die(lambda: undo(root), monkeypatch, at)
        recover(root)
        state = snapshot(root)
        assert state in (OLD, NEW), at
        if state == NEW:
            undo(root)
        assert snapshot(root, without="") == OLD, at


def test_undo_never_throws_away_the_users_own_changes(root):
    change(root)
    (root / "a.txt").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"1 files were changed since: a\.txt"):
        undo(root)
    assert (root / "a.txt").read_bytes() == b"mine"


def test_undo_needs_the_backups(root):
    change(root)
    (root / "a.txt.bak").unlink()
    with pytest.raises(UsageError, match=r"a\.txt\.bak"):
        undo(root)
    assert (root / "a.txt").read_bytes() == b"A"


def test_undo_keeps_what_was_put_into_a_new_folder(root):
    change(root)
    (root / "fresh" / "mine.txt").write_bytes(b"mine")
    undo(root)
    assert snapshot(root) == OLD | {"fresh": None, "fresh/mine.txt": b"mine"}
