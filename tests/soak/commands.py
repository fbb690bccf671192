"""Commands that write into a folder of results, killed at events of their files and then given again.

The command is the one that a person types. However it dies, what it was given stays as it was, every file that has its
name is whole, and the same command ends as if nothing had happened, with nothing left over.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from segcli.cli.main import main
from segcli.data.image import read_image
from segcli.data.temporary import MARK
from segcli.weights.files import read_weights
from tests.death import kill, moments
from tests.files import snapshot
from tests.soak.states import copy, record
from tests.soak.writers import Writer

Snapshot = dict[str, bytes | None]
_CACHE = ".cache"
_REAL_KILLS = 3
_IMPORTED_ONCE = frozenset({"segcli", "paddle", "paddleseg", "onnxruntime", "onnx", "matplotlib"})


def command(words: list[str], said: Path) -> None:
    """Runs a command in this process, with its words in a file; what it ends with but 0 is an error."""
    with said.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        try:
            code = main(args=words, standalone_mode=False)
        except SystemExit as end:
            code = end.code
    assert code in (0, None), f"exit {code}: {said.read_text(encoding='utf-8')[-300:]}"


class Kills(NamedTuple):
    """How often a command was killed.

    Attributes:
        events: At so many events, each of its run, what a kill leaves was looked at.
        again: After so many of the different states the command was given again.
    """

    events: int
    again: int


class Walk:
    """Kills of one command.

    Args:
        writer: The command.
        scratch: An empty folder.
    """

    def __init__(self, writer: Writer, scratch: Path) -> None:
        self._writer, self._scratch = writer, scratch
        self._made, self._root = scratch / "made", scratch / "root"
        self._old: Snapshot = {}
        self._wholes: list[Snapshot] = []

    def kills(self, stride: int = 1) -> Kills:
        """Looks at what a kill leaves at each event, and gives the command again after every `stride`-th state.

        The states are those of `tests.soak.states`; at a few events the process is really killed.
        """
        self._prepare()
        states = self._scratch / "states"
        states.mkdir()
        self._restore(self._made)
        events = record(self._run, self._root, states)
        distinct = {state: at for at, state in reversed([*enumerate(events, start=1)])}
        stride = max(stride, -(-len(distinct) // self._writer.most))
        again = {*moments(len(distinct), stride)}
        for number, state in enumerate(sorted(distinct), start=1):
            self._try(distinct[state], states / str(state), again=number in again)
        for at in moments(len(events), max(stride, -(-len(events) // _REAL_KILLS))):
            self._restore(self._made)
            if kill(self._run, at):
                self._look_at_the_dead(at)
                self._give_again(at)
        return Kills(len(events), len(again))

    def _try(self, at: int, state: Path, *, again: bool) -> None:
        """What a kill before this event has left, which is removed."""
        self._restore(state)
        shutil.rmtree(state)
        self._look_at_the_dead(at)
        if again:
            self._give_again(at)

    def _prepare(self) -> None:
        """Makes what the command reads; what it does when it is not killed."""
        assert not kill(self._make, sys.maxsize), "its input cannot be made"
        self._old = snapshot(self._made)
        for _ in range(3):  # the first fills the cache, the others show what differs from run to run
            self._restore(self._made)
            assert not kill(self._run, sys.maxsize), "it fails"
            self._wholes.append(self._found())
            if not (self._made / _CACHE).exists() and (self._root / _CACHE).exists():
                copy(self._root / _CACHE, self._made / _CACHE)
            for name in (self._scratch / "modules").read_text().splitlines():
                with suppress(ImportError):
                    import_module(name)  # here, once, instead of in each child
        del self._wholes[0]

    def _restore(self, state: Path) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        copy(state, self._root)

    def _make(self) -> None:
        self._set_up()
        self._writer.make(self._made)

    def _run(self) -> None:
        self._set_up()
        command(self._writer.words(self._root), self._scratch / "said")
        needed = (name for name in sys.modules if name.split(".")[0] in _IMPORTED_ONCE)
        (self._scratch / "modules").write_text("\n".join(needed))

    def _set_up(self) -> None:
        os.environ |= {"SEGCLI_CACHE": str(self._root / _CACHE), "SEGCLI_OFFLINE": "1"}

    def _found(self) -> Snapshot:
        found = snapshot(self._root)
        return {name: data for name, data in found.items() if Path(name).parts[0] != _CACHE}

    def _look_at_the_dead(self, at: int) -> None:
        left = self._found()
        given = {name: left.get(name, "gone") for name in self._old if Path(name).name not in _OWN}
        assert given.items() <= self._old.items(), f"event {at}: what it was given is changed"
        for name, data in left.items():
            known = any(name in whole and whole[name] == data for whole in (self._old, *self._wholes))
            assert known or _is_hidden(name) or is_whole(self._root / name), f"event {at}: {name} is half"

    def _give_again(self, at: int) -> None:
        one, other = self._wholes
        if not (self._writer.refuses and _seen(self._found()) == _seen(one)):
            assert not kill(self._run, sys.maxsize), f"event {at}: given again it fails"
            there = self._found().keys()
            left_over = {name for name in there ^ one.keys() if MARK not in name}
            assert self._writer.adds or not left_over, f"event {at}: {sorted(left_over)}"
        again = self._found()
        for name, data in one.items():
            if self._writer.adds and name not in again:
                continue
            varies = self._writer.adds or data != other[name] or Path(name).suffix == ".sqlite"  # it holds times
            is_same = again[name] == data or (varies and is_whole(self._root / name))
            assert is_same, f"event {at}: {name} differs"


_OWN = frozenset({"proofs.json"})
"""What segcli itself notes in the folder of a model that it is given."""


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


def _seen(found: Snapshot) -> set[str]:
    return {name for name in found if not _is_hidden(name)}


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end as what its name says; a folder always."""
    try:
        if path.is_dir():
            return True
        _READ[path.suffix](path)
    except (KeyError, ValueError, OSError, AssertionError, sqlite3.Error):
        return False
    return True


def _lines_of_json(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        json.loads(line)


def _page(path: Path) -> None:
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


_READ: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".jsonl": _lines_of_json,
    ".html": _page,
    ".csv": lambda path: path.read_text(encoding="utf-8"),
    ".png": read_image,
    ".lock": lambda path: path.read_bytes(),  # it is held or not, whatever its text is
    ".sqlite": lambda path: sqlite3.connect(path).execute("pragma integrity_check"),
    ".pdparams": read_weights,
    ".pdopt": read_weights,
    ".pdstates": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".npy": lambda path: np.load(path, allow_pickle=False),
    ".log": lambda path: path.read_text(encoding="utf-8"),
    ".yml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
    ".yaml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
}
