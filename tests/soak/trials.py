"""Tries a reader with many changed files, in a process of its own that is watched for time, memory and writes."""

from __future__ import annotations

import os
import random
import select
import shutil
import struct
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.errors import SegcliError
from tests.soak.mutations import changed
from tests.soak.readers import Reader

MOST_BYTES = 2 << 30
"""Memory above which an input counts as one that takes too much."""
LIMIT_BYTES = 4 << 30
"""Address space of a trial's process beside what it has when it begins: an image may take half of it."""
HANG_S = 60.0
"""Seconds without a word from it after which an input counts as one that hangs."""
_WRITES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.symlink", "os.link"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NOWHERE = ("/dev/null", "/dev/tty", "/proc/")
_CLEAN, _TRACEBACK, _LARGE, _OUTSIDE = b"c", b"t", b"m", b"o"


@dataclass
class Row:
    """A row of the table.

    Attributes:
        name: What was tried.
        tried: How often.
        clean: How often it ended with a result or an error that a person can act on.
        tracebacks: How often with anything else, a crash of the interpreter included.
        hangs: How often it did not end.
        large: How often it took more than 2 GB.
        outside: How often it wrote outside of its folder.
        kinds: Where the tracebacks came from.
    """

    name: str
    tried: int = 0
    clean: int = 0
    tracebacks: int = 0
    hangs: int = 0
    large: int = 0
    outside: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong."""
        return self.tried == self.clean and not self.large and not self.outside

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers, in the table's order."""
        return self.tried, self.clean, self.tracebacks, self.hangs, self.large, self.outside

    def add(self, other: Row) -> None:
        """Adds what was tried elsewhere."""
        self.tried += other.tried
        self.clean += other.clean
        self.tracebacks += other.tracebacks
        self.hangs += other.hangs
        self.large += other.large
        self.outside += other.outside
        self.kinds += other.kinds

    def add_fault(self, kind: str) -> None:
        """Counts a try that ended with anything but a result or an error."""
        self.tried += 1
        self.tracebacks += 1
        self.kinds[kind] += 1


def try_reader(reader: Reader, row: Row, numbers: range, seed: int, scratch: Path) -> None:
    """Reads the changed files of these numbers; the same seed gives the same ones."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    reader.make(scratch / "sound")
    while numbers:
        numbers = range(_watched(reader, row, numbers, seed, scratch), numbers.stop)


def _watched(reader: Reader, row: Row, numbers: range, seed: int, scratch: Path) -> int:
    """Tries inputs in one process until all are done or it must end; returns the next number."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            _limit()
            _try_all(reader, numbers, seed, scratch, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    next_number = numbers.start
    try:
        while select.select([reading], [], [], HANG_S)[0]:
            word = os.read(reading, 3)
            if not word:
                break
            said, length = word[:1], struct.unpack("<H", word[1:])[0]
            text = os.read(reading, length).decode("utf-8", "replace") if length else ""
            if said in (_CLEAN, _TRACEBACK):
                next_number += 1
            _count(row, said, text)
        else:
            os.kill(child, 9)
            row.tried, row.hangs, next_number = row.tried + 1, row.hangs + 1, next_number + 1
            row.kinds[f"hang: input {next_number - 1}"] += 1
    finally:
        os.close(reading)
    status = os.waitpid(child, 0)[1]
    if status not in (0, 9) and next_number < numbers.stop:
        row.add_fault(f"the process died ({status}): input {next_number}")
        next_number += 1
    return next_number


def _count(row: Row, said: bytes, text: str) -> None:
    if said == _CLEAN:
        row.tried, row.clean = row.tried + 1, row.clean + 1
    elif said == _TRACEBACK:
        row.add_fault(text)
    elif said == _LARGE:
        row.large += 1
        row.kinds[f"memory: {text}"] += 1
    else:
        row.outside += 1
        row.kinds[f"outside: {text}"] += 1


def _try_all(reader: Reader, numbers: range, seed: int, scratch: Path, writing: int) -> None:
    work = scratch / "work"
    watch = _Watch(work)
    tempfile.tempdir = str(work / "tmp")
    for number in numbers:
        path = _prepare(reader, number, seed, scratch / "sound", work)
        watch.is_on = True
        try:
            reader.read(work / "data", path)
        except SegcliError:
            _say(writing, _CLEAN)
        except Exception as fault:  # what a person would see as a traceback
            _say(writing, _TRACEBACK, f"{type(fault).__name__} in {_place(fault)}: {str(fault)[:80]} (input {number})")
        else:
            _say(writing, _CLEAN)
        watch.is_on = False
        for write in watch.outside:
            _say(writing, _OUTSIDE, write)
        watch.outside.clear()
        if _peak() > MOST_BYTES:
            _say(writing, _LARGE, f"input {number}")
            return  # the peak of a process never falls


def _prepare(reader: Reader, number: int, seed: int, sound: Path, work: Path) -> Path:
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    shutil.copytree(sound, work / "data", symlinks=True)
    rng = random.Random(f"{seed} {reader.name} {number}")
    root = work / "data"
    files = sorted({path for pattern in reader.hurt for path in root.glob(pattern) if path.is_file()})
    path = rng.choice(files)
    path.write_bytes(changed(path.read_bytes(), rng))
    return path


def _say(writing: int, word: bytes, text: str = "") -> None:
    data = text.encode("utf-8", "backslashreplace")[:400]
    os.write(writing, word + struct.pack("<H", len(data)) + data)


def _place(fault: BaseException) -> str:
    frames = [
        frame for frame in traceback.extract_tb(fault.__traceback__) if f"{os.sep}segcli{os.sep}" in frame.filename
    ]
    if not frames:
        return "?"
    return f"{frames[-1].filename.rpartition(f'{os.sep}segcli{os.sep}')[2]}:{frames[-1].lineno}"


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not on macOS
        used = 0
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))


def _peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class _Watch:
    """Notes writes outside of a folder while it is on; an audit hook cannot be taken away again.

    Args:
        scratch: The folder.
    """

    def __init__(self, scratch: Path) -> None:
        self._allowed = (f"{scratch}{os.sep}", *_NOWHERE)
        self.is_on = False
        self.outside: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event in _WRITES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING)
        if not self.is_on or not writes or not isinstance(arguments[0], str | os.PathLike):
            return
        path = Path(arguments[0])
        if event in ("os.remove", "os.rmdir") and arguments[-1] >= 0:  # relative to an open folder
            path = Path(f"/proc/self/fd/{arguments[-1]}").readlink() / path
        shown = os.path.normpath(path.absolute())
        if not shown.startswith(self._allowed) and "__pycache__" not in shown:
            self.outside.append(f"{event} {shown}"[:200])
