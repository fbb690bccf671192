"""A short run of `scripts/soak`: hostile inputs for every reader."""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from segcli.steps.convert.command import transfer_dataset
from tests.coco_folder import make_coco_folder
from tests.death import kill, moments
from tests.files import snapshot
from tests.soak.__main__ import as_text
from tests.soak.changes import KILLS, PAIRS
from tests.soak.commands import Walk
from tests.soak.mutations import changed
from tests.soak.parts import Log, Part, parts_of
from tests.soak.predictions import try_predictions
from tests.soak.readers import READERS, Reader
from tests.soak.states import record
from tests.soak.trials import Row, try_reader
from tests.soak.writers import WRITERS, Writer

INPUTS = 12


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
@pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])
def test_changed_files_end_with_a_result_or_a_message(tmp_path: Path, reader: Reader) -> None:
    row = Row(reader.name)
    try_reader(reader, row, range(INPUTS), 5, tmp_path / "trial")

    assert row.tried == INPUTS
    assert row.is_good, row.kinds


def _bad(root: Path, path: Path) -> None:
    if not path.read_bytes():
        raise KeyError("told")
    (root.parent.parent / "outside").write_bytes(b"")


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
def test_what_goes_wrong_is_counted(tmp_path: Path) -> None:
    def make(root: Path) -> None:
        root.mkdir()
        (root / "a").write_bytes(b"x")

    row = Row("bad")
    try_reader(Reader("bad", make, ("*",), _bad), row, range(40), 0, tmp_path / "trial")

    assert row.tried == 40
    assert row.tracebacks > 0
    assert row.outside > 0
    assert row.clean == 40 - row.tracebacks
    assert not row.is_good
    assert f"| bad | 40 | {row.clean} | {row.tracebacks} | 0 | 0 | {row.outside} |" in as_text([row])


def test_a_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    done: list[str] = []

    def part(name: str) -> Part:
        def work(_: Path) -> Iterator[Row]:
            done.append(name)
            yield Row("a", 3, 2, 1, kinds=Counter({"x": 1}))

        return Part(name, work)

    Log(tmp_path / "log").rows_of(part("one"), tmp_path / "part")
    log = Log(tmp_path / "log")
    rows = [row for name in ("one", "two") for row in log.rows_of(part(name), tmp_path / "part")]

    assert done == ["one", "two"]
    assert rows == [Row("a", 3, 2, 1, kinds=Counter({"x": 1}))] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("name", ["convert coco to yolo", "convert labelme to yolo"])
def test_kills_of_a_command(tmp_path: Path, name: str) -> None:
    events, again = Walk(WRITERS[name], tmp_path).kills(stride=23)
    assert events >= 70 and again >= 3


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_recorded_state_is_what_a_kill_leaves(tmp_path: Path) -> None:
    coco, root, states = make_coco_folder(tmp_path / "coco").root, tmp_path / "root", tmp_path / "states"
    states.mkdir()

    def work() -> None:
        transfer_dataset(coco, root / "out", "yolo")

    def left(folder: Path) -> dict[str, object]:
        """Contents by name; hidden names have parts drawn by chance, and hidden files hold such names and times."""
        found = snapshot(folder, without="")
        return {re.sub(r"(?<=-)[a-z0-9_]{8}\b", "?", name): "/." in name or data for name, data in found.items()}

    def begun() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()

    begun()
    events = record(work, root, states)
    assert len(set(events)) > 20
    for at in moments(len(events), 9):
        begun()
        assert kill(work, at)
        assert left(root) == left(states / str(events[at - 1])), at


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("name", WRITERS)
def test_many_kills_of_a_command(tmp_path: Path, name: str) -> None:
    events, again = Walk(WRITERS[name], tmp_path).kills()
    assert events >= again >= 2


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("half", "out is half"),
        ("refused", "see the traceback above"),
        ("left over", r"\['a\d"),
        ("changed", "what it was given is changed"),
    ],
)
def test_what_a_kill_may_not_leave_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    def bad(given: list[str], _: Path) -> None:
        root = Path(given[0])
        assert fault != "refused" or not (root / "out").exists()
        if fault == "left over":
            (root / f"a{os.getpid()}").touch()
        if fault == "changed":
            (root / "given").write_text("new")
        with (root / ("out" if fault == "half" else ".out")).open("w") as file:
            file.write("half")
            file.flush()
            (root / "given").touch()
            os.utime(root / "given")
            file.write(" and half")
        if fault != "half":
            (root / ".out").replace(root / "out")
            (root / "given").touch()

    monkeypatch.setattr("tests.soak.commands.command", bad)
    writer = Writer(lambda root: [str(root)], lambda root: (root.mkdir(), (root / "given").write_text("old")))

    with pytest.raises(AssertionError, match=words):
        Walk(writer, tmp_path).kills()


def test_every_input_kill_and_pair_is_a_part() -> None:
    options = argparse.Namespace(inputs=6100, readers=["coco", "yolo"], kills=1, pairs=7, predictions=2, seed=5)

    keys = [part.key for part in parts_of(options)]

    assert keys[:3] == ["COCO 0 to 500, seed 5", "YOLO 0 to 500, seed 5", "COCO 500 to 1000, seed 5"]
    assert keys[13] == "YOLO 3000 to 3050, seed 5"
    assert len(set(keys)) == len(keys) == 14 + len(KILLS) + len(PAIRS) + 1


def test_the_same_seed_changes_a_file_in_the_same_way() -> None:
    data = b'{"a": [1, 2, {"b": "c"}]}'

    made = [[changed(data, random.Random(f"{seed} {number}")) for number in range(50)] for seed in (1, 1, 2)]

    assert made[0] == made[1] != made[2]
    assert len(set(made[0])) > 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_64_predictions_at_once(tmp_path: Path) -> None:
    pytest.importorskip("openvino")

    rows = list(try_predictions(3, tmp_path))

    assert [row.tried for row in rows] == [192, 192, 64, 192, 64]
    assert all(row.is_good for row in rows), [row.kinds for row in rows]
