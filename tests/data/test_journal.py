"""A journal is data from outside: nothing outside the dataset is touched, and the message names the way out."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest

from segcli.config.schema import Config
from segcli.data.changes.journal import steps
from segcli.data.changes.settled import require_settled
from segcli.data.changes.transaction import recover, transaction
from segcli.data.changes.undo import undo
from segcli.data.files import sha256_of
from segcli.errors import DatasetError, UsageError
from segcli.steps.check.command import check_dataset
from segcli.steps.convert.command import plan_conversion
from segcli.steps.split.command import plan_split, split_dataset
from tests.files import snapshot
from tests.labelme_folder import convert_config
from tests.seg_folder import make_seg_folder
from tests.steps.split.test_masks import config


@pytest.fixture
def root(tmp_path):
    """A dataset, with something of a person's own beside it."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file.txt").write_bytes(b"mine")
    (tmp_path / "empty").mkdir()
    return make_seg_folder(tmp_path / "data").root


def leave(root, text, name="001-convert"):
    step = root / ".segcli" / name
    step.mkdir(parents=True)
    (step / "journal.json").write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return step


def change(target, backup=None, digest="0" * 64):
    return {"target": target, "backup": backup, "digest": digest}


def journal(*changes, state="committing", folders=()):
    return {"state": state, "changes": list(changes), "folders": list(folders)}


WRITERS = {
    "split": lambda root: split_dataset(config(root, 50, 50)),
    "undo": undo,
    "recover": recover,
}
READERS = {
    "dry split": lambda root: plan_split(config(root, 50, 50)),
    "dry convert": lambda root: plan_conversion(convert_config(root)),
    "check": lambda root: check_dataset(
        Config.model_validate({"Global": {"model": "PP-LiteSeg-T", "dataset_dir": str(root)}})
    ),
}
OUTSIDE = [
    journal(change("../victim/file.txt")),
    journal(change("images/../../victim/file.txt")),
    journal(change("train.txt", "../victim/file.txt")),
    journal(change("train.txt", "images/a0.jpg")),
    journal(change("a//b")),
    journal(change(".segcli/001-convert/journal.json")),
    journal(change("")),
    journal(change("a\0b")),
    journal(change("\ud800")),
    journal(change(7)),
    journal(change("train.txt", digest="")),
    journal(change("train.txt", digest=None)),
    journal(folders=["../empty"]),
    journal(change("../victim/file.txt"), state="done"),
    journal(state="unheard of"),
]
DAMAGED = [b"", b"[]", b"{", b"null", b"\xff\xfe", b"[" * 100_000, b'{"state": "done"}', b'{"state":1e999,"changes":9}']


@pytest.mark.parametrize("use", [*WRITERS, *READERS])
@pytest.mark.parametrize("text", [*OUTSIDE, *DAMAGED], ids=lambda text: str(text)[:60])
def test_nothing_is_done_by_it_and_the_way_out_works(tmp_path, root, use, text):
    leave(root, text)
    before = snapshot(tmp_path, without="")
    with pytest.raises(DatasetError) as caught:
        {**WRITERS, **READERS}[use](root)
    assert snapshot(tmp_path, without="") == before
    assert [found.code for found in caught.value.findings] == ["D002"]
    assert str(caught.value.path) == str(root / ".segcli" / "001-convert")
    command = caught.value.hint.partition("to go on without this journal: ")[2]
    subprocess.run(shlex.split(command), check=True)
    assert require_settled(root) == ((str(root), ()),)


@pytest.mark.parametrize("name", ["/etc/segcli-test", "C:/x" if os.name == "nt" else "/x"])
def test_absolute_names(root, name):
    leave(root, journal(change(name), folders=[name]))
    with pytest.raises(DatasetError, match="inside the dataset"):
        steps(root)


@pytest.mark.parametrize("use", [*WRITERS, *READERS])
def test_a_state_folder_that_is_a_link_is_left_alone(tmp_path, root, use):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "001-mine").mkdir(parents=True)
    (elsewhere / "001-mine" / "thesis.tex").write_bytes(b"mine")
    (root / ".segcli").symlink_to(elsewhere)
    before = snapshot(tmp_path, without="")
    with pytest.raises(DatasetError, match="symbolic link"):
        {**WRITERS, **READERS}[use](root)
    assert snapshot(tmp_path, without="") == before


@pytest.mark.parametrize("name", ["001-mine", "2024-holiday", "999-convert"])
def test_folders_of_others_are_left_alone(root, name):
    mine = root / ".segcli" / name
    mine.mkdir(parents=True)
    (mine / "thesis.tex").write_bytes(b"mine")
    before = snapshot(root, without="")
    plan_split(config(root, 50, 50))
    assert split_dataset(config(root, 20, 80)).changes
    assert (mine / "thesis.tex").read_bytes() == b"mine"
    undo(root)
    assert snapshot(root, without="") == before


def test_no_file_is_moved_through_a_link(tmp_path, root):
    """The victim's file has the very digest that the journal names."""
    (root / "out").symlink_to(tmp_path / "victim")
    leave(root, journal(change("out/file.txt", digest=sha256_of(tmp_path / "victim" / "file.txt"))))
    for use in (undo, recover):
        with pytest.raises(DatasetError, match="out is a symbolic link"):
            use(root)
    assert (tmp_path / "victim" / "file.txt").read_bytes() == b"mine"


def test_staged_files_are_not_removed_through_a_link(tmp_path, root):
    step = leave(root, journal(), "001-split")
    (step / "new").symlink_to(tmp_path / "victim")
    with pytest.raises(DatasetError, match="new is a symbolic link"):
        recover(root)
    assert (tmp_path / "victim" / "file.txt").read_bytes() == b"mine"


@pytest.mark.parametrize("target", ["out/a.txt", "out/deep/a.txt"])
def test_nothing_is_written_through_a_link(tmp_path, root, target):
    (root / "out").symlink_to(tmp_path / "victim")
    before = snapshot(tmp_path, without="")
    with pytest.raises(UsageError, match="out is a symbolic link"), transaction(root, "test") as changes:
        changes.stage(target).write_bytes(b"new")
    assert snapshot(tmp_path, without="") == before


@pytest.mark.parametrize("target", ["../a.txt", "/a.txt", ".segcli/lock", "a/../../b"])
def test_nothing_is_written_outside(tmp_path, root, target):
    before = snapshot(tmp_path, without="")
    with pytest.raises(UsageError, match="cannot be written"), transaction(root, "test") as changes:
        changes.stage(target).write_bytes(b"new")
    assert snapshot(tmp_path, without="") == before


def test_a_list_that_is_a_link_is_replaced_and_restored(tmp_path, root):
    (root / "train.txt").rename(tmp_path / "train.txt")
    (root / "train.txt").symlink_to(tmp_path / "train.txt")
    text = (tmp_path / "train.txt").read_bytes()
    with transaction(root, "test") as changes:
        changes.stage("train.txt").write_bytes(b"new")
    assert not (root / "train.txt").is_symlink()
    assert (tmp_path / "train.txt").read_bytes() == text
    undo(root)
    assert (root / "train.txt").is_symlink() and (root / "train.txt").read_bytes() == text


def test_a_file_made_since_the_kill_is_not_taken_for_segclis_own(root):
    leave(root, journal(change("notes.txt")))
    (root / "notes.txt").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"since then were changed: notes\.txt"):
        undo(root)
    assert (root / "notes.txt").read_bytes() == b"mine"
    (root / "notes.txt").unlink()
    assert "half-way" in undo(root).note
    assert not (root / ".segcli").exists()


def test_names_that_are_no_text(root):
    """Files unpacked from a zip of another language's Windows."""
    name = os.fsdecode(b"\xd6\xd0.txt")
    with transaction(root, "test") as changes:
        changes.stage(name).write_bytes(b"new")
    assert (root / name).read_bytes() == b"new"
    assert [entry.target for entry in undo(root).changes] == [name]
    assert not (root / name).exists()


def test_journals_of_earlier_versions_are_undone(root):
    text = (root / "train.txt").read_bytes()
    (root / "train.txt").rename(root / "train.txt.bak")
    (root / "train.txt").write_bytes(b"new")
    leave(root, journal(change("train.txt", "train.txt.bak", sha256_of(root / "train.txt")), state="done"))
    assert undo(root).name == "convert"
    assert (root / "train.txt").read_bytes() == text
