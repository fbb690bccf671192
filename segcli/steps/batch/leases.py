"""Leases of shards: files with a heartbeat, so that workers on any number of machines can share a folder.

A lease is a file ``SHARD.GENERATION.lease`` that can be created only once. A worker that finds the newest lease of a
shard dead creates the next generation; if several try, one succeeds. There are no locks and no comparisons of clocks,
and a worker that was only slow does no harm: its result is complete and identical.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from segcli.data.json_text import read_json

FOLDER = "work"
SUFFIX = ".lease"
_BEATS = 6
"""Heartbeats per lease time (`lease_s`)."""


@dataclass(frozen=True)
class Process:
    """Identity of a process, different from others with the same process id later or on other machines.

    Attributes:
        machine: Host, boot id and process id namespace.
        pid: Process id.
        started: Start time in the system's own units; empty where unknown.
    """

    machine: str
    pid: int
    started: str

    @staticmethod
    def this() -> Process:
        """This process."""
        return Process(_machine(), os.getpid(), _started(os.getpid()))

    @property
    def is_known_dead(self) -> bool:
        """Whether it ran on this machine and has ended; False for processes on other machines."""
        if self.machine != _machine():
            return False
        if self.pid == os.getpid():
            return self.started != _started(os.getpid())
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return self.started != _started(self.pid)


class Lease:
    """The exclusive right to process a shard, kept alive by a thread.

    Attributes:
        shard: The shard.
        generation: How often the shard was started, from 1.
        fatal_rows: Rows at which earlier workers of this shard died, with the number of deaths.
    """

    def __init__(
        self, path: Path, worker: str, shard: int, generation: int, *, fatal_rows: Mapping[int, int], lease_s: float
    ) -> None:
        self.shard, self.generation, self.fatal_rows = shard, generation, dict(fatal_rows)
        self._path, self._worker = path, worker
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(lease_s / _BEATS,), daemon=True)
        self._thread.start()

    def note_row(self, row: int) -> None:
        """Records the row being processed, in case this process dies of it."""
        fresh = self.scratch("lease")
        fresh.write_text(_text(self._worker, row), encoding="ascii")
        fresh.replace(self._path)

    def done(self) -> None:
        """Removes all temporary files of the finished shard."""
        self.stop()
        _remove_all(self._path.parent, self.shard)

    def scratch(self, name: str) -> Path:
        """Path of a temporary file that no other worker uses."""
        return self._path.with_name(f"{self.shard:06d}.{self.generation}.{os.getpid()}.{name}.part")

    def stop(self) -> None:
        """Ends the heartbeat."""
        self._ended.set()
        self._thread.join()

    def _beat(self, pause: float) -> None:
        while not self._ended.wait(pause):
            with suppress(OSError):
                os.utime(self._path)


@dataclass
class Leases:
    """The leases of a folder, as seen by one worker.

    Attributes:
        folder: Folder of the lease files.
        lease_s: Seconds without a heartbeat after which a worker on another machine counts as dead.
    """

    folder: Path
    lease_s: float
    _worker: str = field(default_factory=lambda: uuid4().hex)
    _taken: list[Lease] = field(default_factory=list)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def take(self, shard: int) -> Lease | None:
        """Acquires the lease of a shard; None where another worker holds it."""
        paths = self._of(shard)
        if paths and not self._is_dead(paths[max(paths)]):
            return None
        generation = max(paths, default=0) + 1
        target = self.folder / f"{shard:06d}.{generation}{SUFFIX}"
        if not _made_once(target, _text(self._worker, None)):
            return None
        fatal: dict[int, int] = {}
        for path in paths.values():
            row = _read(path).get("row")
            if isinstance(row, int):
                fatal[row] = fatal.get(row, 0) + 1
        lease = Lease(target, self._worker, shard, generation, fatal_rows=fatal, lease_s=self.lease_s)
        self._taken = [lease]
        return lease

    def give_back(self) -> None:
        """Releases the leases of unfinished shards, so that others need not wait; safe after a signal at any point."""
        for lease in self._taken:
            lease.stop()
        for path in self.folder.glob(f"*{SUFFIX}"):
            if _read(path).get("worker") == self._worker:
                path.unlink(missing_ok=True)

    def remove_dead(self) -> None:
        """Removes what is left of workers that have died between the end of a shard and that of its lease.

        For when all shards are finished.
        """
        for path in self.folder.glob(f"*{SUFFIX}"):
            if self._is_dead(path):
                _remove_all(self.folder, int(path.name.split(".")[0]))

    def _of(self, shard: int) -> dict[int, Path]:
        paths = self.folder.glob(f"{shard:06d}.*{SUFFIX}")
        return {int(path.name.split(".")[1]): path for path in paths}

    def _is_dead(self, path: Path) -> bool:
        """Whether the holder has ended, or its heartbeat has not changed for `lease_s` while this worker watched."""
        try:
            beat = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False  # just released: the next check decides
        values = _read(path)
        with suppress(KeyError, TypeError, ValueError):
            if Process(str(values["machine"]), int(values["pid"]), str(values["started"])).is_known_dead:
                return True
        last, since = self._seen.get(path.name, (-1, 0.0))
        if beat != last:
            self._seen[path.name] = beat, time.monotonic()
            return False
        return time.monotonic() - since > self.lease_s


def _remove_all(folder: Path, shard: int) -> None:
    """Removes the leases and temporary files of a finished shard."""
    for path in folder.glob(f"{shard:06d}.*"):
        with suppress(OSError):
            path.unlink()


def _made_once(path: Path, text: str) -> bool:
    """Creates a file with its whole text unless it exists, atomically; returns whether it was created."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    fresh.write_text(text, encoding="ascii")
    try:
        os.link(fresh, path)  # fails if the file exists, unlike a rename
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        return _opened_once(path, text)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _opened_once(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _text(worker: str, row: int | None) -> str:
    this = Process.this()
    values = {"machine": this.machine, "pid": this.pid, "started": this.started, "worker": worker}
    return json.dumps(values if row is None else {**values, "row": row}) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        values = read_json(path)
    except (OSError, ValueError):  # the holder died while writing, or has not finished writing
        return {}
    return values if isinstance(values, dict) else {}


@lru_cache(maxsize=1)
def _machine() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - no path of a file
    return " ".join(parts)


def _started(pid: int) -> str:
    try:
        # the program name, in brackets, may contain any character
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] in "ZX" else fields[19]
