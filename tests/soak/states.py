"""What a kill would leave, for every event of one run: the folder as it is before it is what SIGKILL leaves there.

What a process has handed to the system stays after its death, and what it holds in its own memory is lost, so that a
copy that another process would make at that moment is the state of the dead. The copy is made by the process itself,
before the event, while its other threads wait with theirs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.death import at_each_event, kill


def record(work: Callable[[], object], root: Path, states: Path) -> list[int]:
    """Does `work` once, in a child, and keeps each state that `root` has before an event.

    Args:
        work: What is recorded.
        root: The folder that it writes in.
        states: An empty folder; state N becomes its folder N.

    Returns:
        The number of the state before each event; equal states have one number.
    """
    assert not kill(lambda: _recorded(work, root, states), sys.maxsize)
    found: list[int] = json.loads((states / "events").read_text())
    return found


def _recorded(work: Callable[[], object], root: Path, states: Path) -> None:
    recorder = _Recorder(root, states)
    at_each_event(recorder.note)
    work()
    with recorder.paused():
        (states / "events").write_text(json.dumps(recorder.events))


class _Recorder:
    """Keeps the states of a folder.

    Args:
        root: The folder.
        states: Where they are kept.
    """

    def __init__(self, root: Path, states: Path) -> None:
        self._root, self._states = root, states
        self._process, self._lock, self._is_copying = os.getpid(), threading.RLock(), False
        self._known: dict[str, int] = {}
        self.events: list[int] = []

    def note(self) -> None:
        """Keeps the state; called before each event, its own ones included."""
        if os.getpid() != self._process:  # a child of the recorded process
            return
        with self._lock:
            if not self._is_copying:
                with self.paused():
                    self.events.append(self._kept())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside the block events are not noted, and those of other threads wait."""
        with self._lock:
            self._is_copying = True
            try:
                yield
            finally:
                self._is_copying = False

    def _kept(self) -> int:
        key = digest(self._root)
        if key not in self._known:
            self._known[key] = len(self._known)
            copy(self._root, self._states / str(self._known[key]))
        return self._known[key]


def below(root: Path) -> list[Path]:
    """Everything in a folder; what vanishes meanwhile is left out."""
    return sorted(Path(folder, name) for folder, folders, files in os.walk(root) for name in (*folders, *files))


def digest(root: Path) -> str:
    """A value that differs between folders with other names, contents, rights or links."""
    found = hashlib.blake2b()
    for path in below(root):
        with suppress(FileNotFoundError):  # of another process, which goes on
            kind = path.lstat()
            link = str(path.readlink()) if path.is_symlink() else ""
            content = path.read_bytes() if path.is_file() else b""
            found.update(repr((str(path.relative_to(root)), kind.st_mode, link, len(content))).encode() + content)
    return found.hexdigest()


def copy(root: Path, target: Path) -> None:
    """Copies a folder with its times and links, symbolic and hard ones; what vanishes on the way is left out."""
    linked: dict[int, Path] = {}
    target.mkdir()
    for path in below(root):
        there = target / path.relative_to(root)
        with suppress(FileNotFoundError):
            kind = path.lstat()
            if stat.S_ISDIR(kind.st_mode):
                there.mkdir()
            elif kind.st_ino in linked:
                os.link(linked[kind.st_ino], there)
            elif stat.S_ISREG(kind.st_mode) or stat.S_ISLNK(kind.st_mode):
                shutil.copy2(path, there, follow_symlinks=False)
                linked[kind.st_ino] = there
