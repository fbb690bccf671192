"""Who reads sees the old state or the new one, writes nothing, and is told what to type."""

from __future__ import annotations

import shlex
import threading

import pytest

from segcli.config.schema import Config
from segcli.data.changes import settled
from segcli.data.changes.settled import dataset_root, read_settled, require_settled
from segcli.data.changes.transaction import changing, recover, transaction
from segcli.data.changes.undo import undo
from segcli.data.formats.masks import find_root, open_seg_dataset, scan_lists
from segcli.errors import BusyError, DatasetError
from segcli.steps.check.command import check_dataset
from segcli.steps.evaluate.command import evaluate
from segcli.steps.split.command import plan_split, split_dataset
from tests.death import calls_of, die
from tests.files import snapshot
from tests.seg_folder import make_seg_folder
from tests.steps.split.test_masks import config


def read_config(root):
    return Config.model_validate({"Global": {"model": "PP-LiteSeg-T", "dataset_dir": str(root)}})


READERS = {
    "check": lambda root: check_dataset(read_config(root)),
    "evaluate": lambda root: evaluate(read_config(root)),
    "train": open_seg_dataset,
    "dry run": lambda root: plan_split(config(root, 60, 40)),
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_seg_folder(tmp_path / "data").root


def lists(root):
    found = scan_lists(root)
    return tuple(tuple(sample.image.name for sample in part) for part in (found.train, found.val))


def test_a_reader_finds_old_or_new_or_says_what_to_type(root, monkeypatch):
    """A split dies at each of its steps; whoever reads then finds whole lists, or the command that makes them whole."""
    work = lambda: split_dataset(config(root, 40, 60, seed=3))  # noqa: E731
    old = lists(root)
    steps = calls_of(work, monkeypatch)
    new = lists(root)
    assert old != new
    undo(root)
    told = 0
    for at in range(1, steps + 1):
        assert die(work, monkeypatch, at)
        before = snapshot(root, without="")
        try:
            dataset = open_seg_dataset(root)
        except DatasetError as fault:
            told += 1
            assert fault.findings[0].code == "D001"
            words = shlex.split(fault.hint.partition(" takes")[0])
            assert words == ["segcli", "undo", str(root)]
            assert "nothing else was taken back" in undo(root).note
            assert lists(root) == old
        else:
            assert snapshot(root, without="") == before
            named = tuple(tuple(sample.image.name for sample in part) for part in (dataset.train, dataset.val))
            assert named in (old, new)
        recover(root)
        if lists(root) == new:
            undo(root)
        assert lists(root) == old
    assert told > 2


@pytest.mark.parametrize("name", READERS)
def test_every_reader_stops_at_a_change_that_was_stopped(root, monkeypatch, name):
    assert die(lambda: split_dataset(config(root, 40, 60, seed=3)), monkeypatch, at=11)
    before = snapshot(root, without="")
    assert not (root / "train.txt").exists() or not (root / "val.txt").exists()
    with pytest.raises(DatasetError, match="segcli undo"):
        READERS[name](root)
    assert snapshot(root, without="") == before


def test_a_dry_run_beside_a_change_leaves_its_files(root):
    with transaction(root, "convert") as changes:
        changes.stage("train.txt").write_bytes(b"new")
        before = snapshot(root, without="")
        plan_split(config(root, 60, 40))
        assert snapshot(root, without="") == before
    assert (root / "train.txt").read_bytes() == b"new"


def test_a_change_meanwhile_is_read_again(root):
    seen = []

    def read():
        first = lists(root)[0]
        if not seen:
            split_dataset(config(root, 20, 80, seed=5))
        seen.append(first)
        return first, lists(root)[1]

    train, val = read_settled(root, read)
    assert len(seen) == 2 and seen[0] != seen[1]
    assert len(train) + len(val) == 5 and not set(train) & set(val)


def test_an_error_while_it_was_changed_is_no_error(root):
    tries = []

    def read():
        tries.append(1)
        if len(tries) == 1:
            split_dataset(config(root, 20, 80, seed=5))
            raise FileNotFoundError
        return "read"

    assert read_settled(root, read) == "read"
    with pytest.raises(ZeroDivisionError):
        read_settled(root, lambda: 1 / 0)


def test_one_that_is_changed_all_the_time(root):
    seeds = iter(range(9))
    with pytest.raises(BusyError, match="all the time"):
        read_settled(root, lambda: split_dataset(config(root, 40, 60, seed=next(seeds))))


def test_a_change_in_its_last_moments_is_waited_for(root, monkeypatch):
    """Files are half in their places while the writer lives: the reader waits, and names it when that is too long."""
    begun, go_on = threading.Event(), threading.Event()
    from segcli.data.changes.transaction import Transaction

    put = Transaction._put_in_place

    def slowly(self):
        begun.set()
        go_on.wait(10)
        put(self)

    monkeypatch.setattr(Transaction, "_put_in_place", slowly)
    writer = threading.Thread(target=lambda: split_dataset(config(root, 20, 80, seed=5)))
    writer.start()
    begun.wait(10)
    with monkeypatch.context() as patch:
        patch.setattr(settled, "WAIT_S", 0.1)
        with pytest.raises(BusyError, match="segcli split, process"):
            require_settled(root)
    threading.Timer(0.1, go_on.set).start()
    assert len(open_seg_dataset(root).train) == 1
    writer.join()


def test_the_folder_of_a_change_that_was_stopped_is_known(root, monkeypatch):
    assert die(lambda: split_dataset(config(root, 40, 60, seed=3)), monkeypatch, at=13)
    for name in ("train.txt", "val.txt"):
        (root / name).unlink(missing_ok=True)
    with pytest.raises(DatasetError):
        find_root(root.parent / "data" / "annotations")
    (root / "images").rename(root / "pictures")
    assert dataset_root(root.parent, find_root) == root


def test_a_plan_of_yesterday_is_refused(root):
    from segcli.steps.split.command import apply_split

    plan = plan_split(config(root, 60, 40))
    split_dataset(config(root, 20, 80, seed=5))
    before = snapshot(root, without="")
    with pytest.raises(BusyError, match="since the plan was made"):
        apply_split(plan)
    assert snapshot(root, without="") == before


def test_a_second_writer_is_told_of_the_first(root):
    held, done = threading.Event(), threading.Event()

    def hold():
        with changing(root, "segcli convert"):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    before = snapshot(root, without="")
    with pytest.raises(BusyError, match=f"the dataset {root} is in use: segcli convert, process"):
        split_dataset(config(root, 20, 80, seed=5))
    assert snapshot(root, without="") == before
    done.set()
    thread.join()
