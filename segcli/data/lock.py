"""One writer at a time: a lock file that names its holder and is released when that process ends, for whatever reason.

The operating system keeps the lock (`flock`, on Windows `LockFile`), so a killed process leaves none behind, only its
file, which the next one takes over. The file holds the process, its host and what it does, for whoever finds it locked.
Where a file system keeps no locks, the process that the file names is looked for instead.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from segcli.data.files import naming
from segcli.errors import BusyError, UsageError

log = logging.getLogger("segcli.lock")

PATIENCE_S = 0.5
"""How long a lock is tried: one who only looks whether it is held may hold it for a moment."""
_PAUSE_S = 0.02
_MOST_BYTES = 1 << 16
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as its file says.

    Attributes:
        pid: Process.
        host: Machine that it runs on.
        doing: What it does, e.g. ``segcli split``.
        since: Local time of that machine, ISO 8601.
    """

    pid: int
    host: str
    doing: str
    since: str

    def __str__(self) -> str:
        here = self.host == socket.gethostname()
        return f"{self.doing}, process {self.pid}{'' if here else f' on {self.host}'}, since {self.since}"

    @staticmethod
    def here(doing: str) -> Owner:
        """This process."""
        now = datetime.now(timezone.utc).astimezone().isoformat(sep=" ", timespec="seconds")
        return Owner(os.getpid(), socket.gethostname(), doing, now)


@dataclass
class Lock:
    """A lock that this process holds.

    Attributes:
        owner: What its file says.
        left: The notes of a holder that ended without letting go; empty otherwise.
    """

    owner: Owner
    left: Mapping[str, str]
    _descriptor: int
    _notes: dict[str, str] = field(default_factory=dict)

    def note(self, **values: str) -> None:
        """Writes something into the lock's file for the case that this process ends without letting go."""
        self._notes.update(values)
        _write(self._descriptor, {**asdict(self.owner), "notes": self._notes})

    def forget(self) -> None:
        """Drops `left`, which would go to the next holder again."""
        self._notes.clear()
        self.note()


@contextmanager
def locked(path: Path, doing: str, *, what: str) -> Iterator[Lock]:
    """Holds the lock `path`; its file is gone afterwards.

    Args:
        path: The lock's file; its folder is made where it is missing.
        doing: What this process does, for those who find the lock held.
        what: What the lock is for, for the message, e.g. ``the dataset DIR``.

    Raises:
        BusyError: Another process, or another thread of this one, holds it.
        UsageError: `path` is no plain file, so that it cannot be a lock.
    """
    until = time.monotonic() + PATIENCE_S
    while (descriptor := _acquire(path)) is None:
        if time.monotonic() >= until:
            raise _busy(path, what)
        time.sleep(_PAUSE_S)
    _held.add(descriptor)
    try:
        left = _left(descriptor, path)
        lock = Lock(Owner.here(doing), left, descriptor, dict(left))
        with naming(path):
            lock.note()
        yield lock
    finally:
        _held.discard(descriptor)
        _release(descriptor, path)


def holder(path: Path) -> Owner | None:
    """Who holds a lock at this moment; None when nobody does. Nothing is written."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        owner = _owner(_read(descriptor))
        return owner if not _try(descriptor, shared=True) else None
    finally:
        os.close(descriptor)


_held: set[int] = set()
"""Descriptors of this process; a forked child closes its copies, so that it does not hold what its parent held."""


def _forget() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _acquire(path: Path) -> int | None:
    """A descriptor with the lock; None while another holds it, or its file has just been taken away."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o644)
    except FileNotFoundError:  # the folder went between both calls: another has just let go
        return None
    except OSError as fault:
        if path.is_symlink() or path.is_dir():
            raise _no_lock(path) from fault
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_lock(path)
    if _try(descriptor) and _is_still(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the locked file is the one of that name: its last holder may have taken it away since it was opened."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), found)


def _release(descriptor: int, path: Path) -> None:
    try:
        if sys.platform != "win32":
            path.unlink(missing_ok=True)  # while it is held, so that nobody locks what is about to go
    finally:
        os.close(descriptor)
    if sys.platform == "win32":  # an open file cannot be taken away there; another may hold it by now
        with suppress(OSError):
            path.unlink(missing_ok=True)


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30

    def _try(descriptor: int, *, shared: bool = False) -> bool:
        """Locks one byte far behind the text, which others can then still read."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            if shared:
                os.lseek(descriptor, _FAR, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(descriptor: int, *, shared: bool = False) -> bool:
        """Locks a file, for this descriptor alone or beside others who only look; False when another holds it."""
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as fault:
            if fault.errno in _NO_LOCKS:
                return not _is_alive(_owner(_read(descriptor)))
            return False
        return True


def _is_alive(owner: Owner | None) -> bool:
    """Whether the process that a lock's file names may still run; on another host nobody can tell."""
    if owner is None:
        return False
    if owner.host != socket.gethostname():
        return True
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return owner.pid != os.getpid()


def _left(descriptor: int, path: Path) -> dict[str, str]:
    values = _read(descriptor)
    owner = _owner(values)
    if owner is None:
        return {}
    log.info("the lock of a process that was killed is taken over: %s (%s)", path, owner)
    notes = values.get("notes")
    return {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {}


def _owner(values: Mapping[str, Any]) -> Owner | None:
    kinds = {"pid": int, "host": str, "doing": str, "since": str}
    if not all(type(values.get(name)) is kind for name, kind in kinds.items()) or values["pid"] <= 0:
        return None
    return Owner(**{name: values[name] for name in kinds})


def _read(descriptor: int) -> dict[str, Any]:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        values = json.loads(os.read(descriptor, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(descriptor: int, values: Mapping[str, Any]) -> None:
    """Replaces the text in place, for the file itself is what is locked."""
    text = json.dumps(values).encode("ascii") + b"\n"
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text)
    os.ftruncate(descriptor, len(text))


def _busy(path: Path, what: str) -> BusyError:
    owner = holder(path)
    who = str(owner) if owner is not None else "another process"
    hint = "wait until it has ended, then type the command again"
    if owner is not None and owner.host != socket.gethostname():
        hint += f"; if it no longer runs on {owner.host}, delete {path}"
    return BusyError(f"{what} is in use: {who}; nothing was changed", path=path, hint=hint)


def _no_lock(path: Path) -> UsageError:
    return UsageError("is a link or no plain file, where the lock of segcli must lie", path=path, hint="move it away")
