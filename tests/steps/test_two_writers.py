"""Two commands at once on one dataset: it ends as one order or the other, and the loser is told."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from segcli.data.changes.undo import undo
from segcli.errors import BusyError, SegcliError
from segcli.models.task import Task
from tests.files import snapshot
from tests.steps.test_kills import INSTANCE, SEMANTIC, convert, fix, make_labelme, split

Command = Callable[[Path], object]
COMMANDS: dict[str, Command] = {
    "convert": convert(INSTANCE),
    "split": split(SEMANTIC, seed=1),
    "other split": split(SEMANTIC, seed=3),
    "fix": fix(Task.SEMANTIC),
    "undo": undo,
}
DONE, BUSY, REFUSED, BROKEN = range(4)
PAIRS = list(itertools.combinations_with_replacement(COMMANDS, 2))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A dataset that every command changes."""
    return make_base(tmp_path_factory.mktemp("base") / "data")


def make_base(root: Path) -> Path:
    """A dataset that every command changes."""
    make_labelme(root)
    convert(SEMANTIC)(root)
    with (root / "train.txt").open("a", encoding="utf-8") as file:
        file.write((root / "train.txt").read_text(encoding="utf-8"))
    return root


def outcome(command: Command, root: Path) -> int:
    try:
        command(root)
    except BusyError:
        return BUSY
    except SegcliError:
        return REFUSED
    except BaseException:
        return BROKEN
    return DONE


def together(one: Command, other: Command, root: Path, offset_s: float) -> list[int]:
    """What becomes of two processes of which the second begins `offset_s` later."""
    children = []
    begin = time.monotonic() + 0.02
    for command, at in ((one, begin), (other, begin + offset_s)):
        child = os.fork()
        if child == 0:
            time.sleep(max(at - time.monotonic(), 0))
            os._exit(outcome(command, root))
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def one_after_the_other(base: Path, scratch: Path, names: tuple[str, ...]) -> tuple[tuple[int, ...], dict]:
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(base, scratch)
    outcomes = tuple(outcome(COMMANDS[name], scratch) for name in names)
    return outcomes, snapshot(scratch)


def race(base: Path, tmp_path: Path, names: tuple[str, str], runs: int, seed: int) -> int:
    """Runs of a pair; returns how many ended with a loser."""
    orders = {order: one_after_the_other(base, tmp_path / "data", order) for order in {names, names[::-1]}}
    alone = {name: one_after_the_other(base, tmp_path / "data", (name,)) for name in names}
    delays = random.Random(seed)
    losers = 0
    for run in range(runs):
        root = tmp_path / "data"
        shutil.rmtree(root)
        shutil.copytree(base, root)
        ended = together(*(COMMANDS[name] for name in names), root, delays.uniform(0, 0.12))
        state = snapshot(root)
        assert BROKEN not in ended, run
        if BUSY in ended:
            losers += 1
            winner = names[ended.index(BUSY) - 1]
            assert ended.count(BUSY) == 1
            assert state == alone[winner][1], (run, ended)
        else:
            expected = [order for order, (outcomes, new) in orders.items() if new == state]
            told = [sorted(orders[order][0]) for order in expected]
            assert sorted(ended) in told, (run, ended, expected)
        assert not list((root / ".segcli").glob("lock")), run
    return losers


@pytest.mark.parametrize("names", PAIRS, ids=" + ".join)
def test_two_at_once(base, tmp_path, names):
    race(base, tmp_path, names, runs=3, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("names", PAIRS, ids=" + ".join)
def test_two_at_once_many_times(base, tmp_path, names):
    race(base, tmp_path, names, runs=200, seed=1)
