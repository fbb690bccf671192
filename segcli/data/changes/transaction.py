"""Changes to a dataset that happen whole or not at all, one at a time, and can be undone.

Everything is written beside the dataset first. Then a journal is left, originals become backups (``x.bak``,
``x.bak.1``, ...) and the new files take their places. A run that was killed in between is rolled back by the next
change, and so is an `undo` that was killed: every step can be taken again. Who only reads never rolls back: see
`segcli.data.changes.settled`.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from segcli.data.changes.journal import (
    FOLDER,
    LOCK,
    STAGED,
    Change,
    Signature,
    State,
    Step,
    checked_name,
    distrust,
    is_link,
    link_on_the_way,
    next_step,
    signature,
)
from segcli.data.changes.rollback import recover_steps
from segcli.data.files import backup_path, sha256_of, sha256_of_rest
from segcli.data.lock import Lock, locked
from segcli.errors import BusyError, SegcliError, UsageError
from segcli.plurals import counted

log = logging.getLogger("segcli.data")

_NAMED_BACKUPS = 4
_mine: ContextVar[frozenset[Path]] = ContextVar("datasets that are locked here", default=frozenset())


@dataclass
class Transaction:
    """Files to be put into a dataset together.

    Attributes:
        root: The dataset's folder.
        step: Where the transaction keeps its files.
        changes: What was changed, after `commit`.
    """

    root: Path
    step: Step
    changes: list[Change] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)
    _folders: set[str] = field(default_factory=set)

    def stage(self, target: str) -> Path:
        """Where to write the new content of `target` (relative to the root, forward slashes)."""
        path = self.step.staged(_inside(self.root, target))
        folder = target.rpartition("/")[0]
        if folder not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        return path

    def take_away(self, target: str) -> None:
        """Lets a file go; it is kept as its backup."""
        self._gone.add(_inside(self.root, target))

    def commit(self) -> None:
        """Puts every staged file in its place; a file whose content stays the same is left alone."""
        staged = self.step.folder / STAGED
        planned = [self._plan(staged / name, name) for name in _files(staged)]
        planned += [self._plan(None, name) for name in sorted(self._gone)]
        self.changes = [change for change in planned if change is not None]
        if self.changes:
            self._refuse_links()
            step = replace(
                self.step, changes=tuple(self.changes), folders=_missing_folders(self.root, self.changes)
            ).write(State.COMMITTING)
            self._put_in_place()
            step.write(State.DONE)
            shutil.rmtree(staged, ignore_errors=True)
        else:
            self.step.remove()

    def _put_in_place(self) -> None:
        made = set[str]()
        for change in self.changes:
            target, folder = self.root / change.target, change.target.rpartition("/")[0]
            if folder not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(folder)
            if change.backup is not None:
                target.rename(self.root / change.backup)
            if change.digest is not None:
                self.step.staged(change.target).rename(target)

    def _plan(self, staged: Path | None, target: str) -> Change | None:
        existing = self.root / target
        if staged is None:
            if not existing.exists():
                return None
            return Change(target, _backup_name(self.root, existing), None, sha256_of(existing))
        digest = _synced_sha256(staged)
        if not os.path.lexists(existing):
            return Change(target, None, digest)
        if existing.is_dir():
            hint = "move the folder away; nothing was changed"
            raise UsageError(f"{target} is a folder, where a file must be written", path=self.root, hint=hint)
        original = sha256_of(existing) if existing.is_file() else None
        if original == digest:
            return None
        if original is not None:
            shutil.copymode(existing, staged)
        return Change(target, _backup_name(self.root, existing), digest, original)

    def _refuse_links(self) -> None:
        link = link_on_the_way(self.root, (change.target for change in self.changes))
        if link is not None:
            hint = "put a folder of the dataset's own in the place of the link; nothing was changed"
            raise UsageError(
                f"{link} is a symbolic link: files are written inside the dataset only", path=self.root, hint=hint
            )


def change_rows(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Rows for the terminal: what was written, what was kept, and how to go back."""
    if not changes:
        return [("changed", "nothing, all was there already")]
    backups = [change.backup for change in changes if change.backup is not None]
    kept = f"{len(backups)} kept, the first is {backups[0]}" if len(backups) > _NAMED_BACKUPS else ", ".join(backups)
    return [
        ("written", f"{counted(len(changes), 'file')}; `segcli undo` takes them back"),
        ("originals", kept or "none were replaced"),
    ]


@contextmanager
def changing(root: Path, doing: str) -> Iterator[None]:
    """Keeps other writers out of a dataset from the moment it is read for a change until that is done.

    What a killed process left half-done is rolled back first. May be nested.

    Args:
        root: The dataset's folder.
        doing: For those who find the dataset locked, e.g. ``segcli split``.

    Raises:
        BusyError: Another process changes the dataset.
        DatasetError: A journal is damaged (D002).
        SegcliError: The folder cannot be written to.
    """
    if root.resolve() in _mine.get():
        yield
        return
    with exclusive(root, doing) as lock:
        recover_steps(root)
        lock.forget()
        yield


@contextmanager
def transaction(root: Path, name: str, planned: Signature | None = None) -> Iterator[Transaction]:
    """A transaction that is committed when the block ends without an error, and leaves nothing behind otherwise.

    Args:
        root: The dataset's folder.
        name: What is being done, for the folder's name; lower case letters.
        planned: `segcli.data.changes.journal.signature` of the dataset when the change was planned.

    Raises:
        BusyError: Another process changes the dataset, or has changed it since `planned`.
        UsageError: A file would be written through a symbolic link.
        SegcliError: The dataset cannot be written to, or its disk is full; nothing was changed.
    """
    with changing(root, f"segcli {name}"):
        if planned is not None and signature(root) != planned:
            hint = "type the command again, for a plan of what is there now"
            raise BusyError("the dataset was changed since the plan was made; nothing was done", path=root, hint=hint)
        try:
            step = next_step(root, name)
            step.begin()
            opened = Transaction(root, step)
            yield opened
            opened.commit()
        except BaseException as fault:
            recover_steps(root, quiet=True)
            if isinstance(fault, OSError):
                raise _unwritable(root, fault) from fault
            raise


def recover(root: Path) -> None:
    """Rolls back what did not reach its end. Only for callers that change the dataset, not for readers."""
    if (root / FOLDER).is_dir():
        with changing(root, "segcli"):
            pass


@contextmanager
def exclusive(root: Path, doing: str) -> Iterator[Lock]:
    """The lock of a dataset; the folder of its state goes with it where nothing else is in there."""
    state = root / FOLDER
    if is_link(state):
        raise distrust(root, state, "is a symbolic link, which segcli never makes; what lies there is left alone")
    mine = _mine.get()
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(state / LOCK, doing, what=f"the dataset {root}"))
        except OSError as fault:
            with suppress(OSError):
                state.rmdir()  # was made for the lock; not where anything is in it
            raise _unwritable(root, fault) from fault
        token = _mine.set(mine | {root.resolve()})
        try:
            yield lock
        finally:
            _mine.reset(token)
            last = {path.name for path in state.iterdir()} == {LOCK}
            stack.close()
            if last:
                with suppress(OSError):  # another process has begun meanwhile
                    state.rmdir()


def _inside(root: Path, target: str) -> str:
    try:
        return checked_name(target)
    except ValueError as fault:
        raise UsageError(f"a file cannot be written: {fault}", path=root) from fault


def _unwritable(root: Path, fault: OSError) -> SegcliError:
    place = str(fault.filename or "")
    shown = f"{place}: " if place and f"/{FOLDER}/" not in place.replace("\\", "/") else ""
    hint = "nothing was changed; the dataset's folder must be writable and its disk must have space left"
    return SegcliError(f"the dataset cannot be changed: {shown}{fault.strerror or fault}", path=root, hint=hint)


def _missing_folders(root: Path, changes: Iterable[Change]) -> tuple[str, ...]:
    folders = {change.target.rpartition("/")[0] for change in changes}
    names = {parent.as_posix() for folder in folders for parent in PurePosixPath(folder, "file").parents}
    return tuple(sorted(name for name in names if not (root / name).exists()))


def _backup_name(root: Path, existing: Path) -> str:
    return backup_path(existing).relative_to(root).as_posix()


def _files(folder: Path) -> list[str]:
    """Names of the files below a folder, relative to it, with forward slashes; sorted as paths are."""
    start = len(str(folder)) + 1
    found = (f"{place}/{name}"[start:].replace(os.sep, "/") for place, _, names in os.walk(folder) for name in names)
    return sorted(found, key=lambda name: name.split("/"))


def _synced_sha256(path: Path) -> str:
    """Digest of a file that is on the disk before it takes another's place."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return sha256_of_rest(file)
