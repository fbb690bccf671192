"""Changes to a dataset that happen whole or not at all, one at a time, and can be undone.

Everything is written beside the dataset first. Then a journal is left, originals become backups (``x.bak``,
``x.bak.1``, ...) and the new files take their places. A run that was killed in between is rolled back by the next
change, and so is an `undo` that was killed: every step can be taken again. Who only reads never rolls back: see
`segcli.data.settled`.
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

from segcli.data.files import backup_path, sha256_of
from segcli.data.journal import (
    FOLDER,
    JOURNAL,
    LOCK,
    STAGED,
    Change,
    Signature,
    State,
    Step,
    changed_roots,
    checked_name,
    distrust,
    is_link,
    link_on_the_way,
    next_step,
    remove_passing,
    signature,
    steps,
)
from segcli.data.lock import Lock, locked
from segcli.errors import BusyError, SegcliError, UsageError

log = logging.getLogger("segcli.data")

_NAMED_BACKUPS = 4
_UNDONE = "undone"
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

    def stage(self, target: str) -> Path:
        """Where to write the new content of `target` (relative to the root, forward slashes)."""
        path = self.step.staged(_inside(self.root, target))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def take_away(self, target: str) -> None:
        """Lets a file go; it is kept as its backup."""
        self._gone.add(_inside(self.root, target))

    def commit(self) -> None:
        """Puts every staged file in its place; a file whose content stays the same is left alone."""
        staged = self.step.folder / STAGED
        planned = [self._plan(path, path.relative_to(staged).as_posix()) for path in _files(staged)]
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
        for change in self.changes:
            target = self.root / change.target
            target.parent.mkdir(parents=True, exist_ok=True)
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
        ("written", f"{len(changes)} files; `segcli undo` takes them back"),
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
    with _exclusive(root, doing) as lock:
        _recover(root)
        lock.forget()
        yield


@contextmanager
def transaction(root: Path, name: str, planned: Signature | None = None) -> Iterator[Transaction]:
    """A transaction that is committed when the block ends without an error, and leaves nothing behind otherwise.

    Args:
        root: The dataset's folder.
        name: What is being done, for the folder's name; lower case letters.
        planned: `segcli.data.journal.signature` of the dataset when the change was planned.

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
            _recover(root, quiet=True)
            if isinstance(fault, OSError):
                raise _unwritable(root, fault) from fault
            raise


def recover(root: Path) -> None:
    """Rolls back what did not reach its end; does nothing otherwise. For who changes the dataset, not for readers."""
    if (root / FOLDER).is_dir():
        with changing(root, "segcli"):
            pass


@dataclass(frozen=True)
class Undone:
    """What an undo did.

    Attributes:
        root: The dataset's folder.
        name: What was taken back: ``convert``, ``split``, ``fix``.
        changes: Its files; what could be found of them where an undo is finished that was killed.
        note: What is special about it; empty for a change that was whole.
    """

    root: Path
    name: str
    changes: tuple[Change, ...] = ()
    note: str = ""

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        restored = sum(change.backup is not None for change in self.changes)
        rows = [("dataset", str(self.root)), ("taken back", self.name)]
        if self.note:
            rows.append(("note", self.note))
        return [*rows, ("restored", str(restored)), ("removed", str(len(self.changes) - restored))]


def undo(dataset_dir: Path) -> Undone:
    """Restores what the last change of a dataset replaced, and removes what it added.

    Where a process was killed in a change or in an undo, this ends that one and takes nothing else back.

    Args:
        dataset_dir: The dataset's folder, or one above the only dataset that was changed.

    Raises:
        UsageError: There is nothing to undo, or a file was changed or a backup taken away since.
        BusyError: Another process changes the dataset.
        DatasetError: A journal is damaged (D002).
    """
    root = _changed_root(dataset_dir)
    if not (root / FOLDER).is_dir():
        raise UsageError("there is nothing to undo", path=root)
    with _exclusive(root, "segcli undo") as lock:
        remove_passing(root)
        known = steps(root)
        stopped = [step for step in known if step.state is not State.DONE]
        if not known and _UNDONE not in lock.left:
            raise UsageError("there is nothing to undo", path=root)
        if _UNDONE in lock.left:
            _recover(root, quiet=True)
            name = lock.left[_UNDONE].partition("-")[2]
            return Undone(root, name, note="was taken back by the undo before, which was killed; nothing else was")
        if stopped:
            for step in reversed(stopped):
                _end(step, lock)
            return Undone(root, stopped[-1].name, stopped[-1].changes, _STOPPED[stopped[-1].state])
        step = known[-1]
        _refuse_edited(step)
        _end(step.write(State.UNDOING), lock)
        return Undone(root, step.name, step.changes)


_STOPPED = {
    State.STAGING: "was stopped before it changed a file; what it had prepared is removed, nothing else was taken back",
    State.COMMITTING: "was stopped half-way; nothing else was taken back",
    State.UNDOING: "its undo was stopped half-way and is finished; nothing else was taken back",
}


@contextmanager
def _exclusive(root: Path, doing: str) -> Iterator[Lock]:
    """The lock of a dataset; the folder of its state goes with it where nothing else is in there."""
    state = root / FOLDER
    if is_link(state):
        raise distrust(root, state, "is a symbolic link, which segcli never makes; what lies there is left alone")
    mine = _mine.get()
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(state / LOCK, doing, what=f"the dataset {root}"))
        except OSError as fault:
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


def _recover(root: Path, *, quiet: bool = False) -> None:
    remove_passing(root)
    for step in reversed(steps(root)):
        if step.state is State.DONE:
            continue
        if step.is_open and not quiet:
            log.warning("%s: a %s that was stopped half-way is taken back", root, step.name)
        _end(step)


def _end(step: Step, lock: Lock | None = None) -> None:
    """Leaves nothing of a step behind."""
    if step.is_open:
        _roll_back(step)
    if lock is not None:
        lock.note(**{_UNDONE: step.folder.name})
    step.remove()


def _changed_root(dataset_dir: Path) -> Path:
    roots = changed_roots(dataset_dir)
    if len(roots) > 1:
        listing = ", ".join(str(root.relative_to(dataset_dir)) for root in roots)
        raise UsageError(f"changed datasets lie in {listing}", path=dataset_dir, hint="name one of them")
    return roots[0] if roots else dataset_dir


def _refuse_edited(step: Step) -> None:
    """Refuses an undo that would lose what was done to the files since."""
    _refuse_links_in(step)
    root, backups = step.root, [change for change in step.changes if change.backup is not None]
    _refuse(root, [c.target for c in step.changes if _was_edited(root, c)], "were changed since")
    _refuse(root, [c.backup or "" for c in backups if not os.path.lexists(_backup(root, c))], "are not there any more")
    _refuse(root, [c.backup or "" for c in backups if _is_another(root, c)], "are not what they were")


def _refuse_links_in(step: Step) -> None:
    names = [*(change.target for change in step.changes), *step.folders]
    link = link_on_the_way(step.root, names)
    if link is not None:
        raise distrust(step.root, step.folder, f"{JOURNAL} leads out of the dataset: {link} is a symbolic link")


def _refuse(root: Path, files: list[str], what: str) -> None:
    if files:
        hint = "put them back as they were, or restore the .bak files by hand, so that nothing of yours is lost"
        raise UsageError(f"{len(files)} files {what}: {', '.join(files[:5])}", path=root, hint=hint)


def _backup(root: Path, change: Change) -> Path:
    return root / (change.backup or "")


def _was_edited(root: Path, change: Change) -> bool:
    target = root / change.target
    return os.path.lexists(target) and (not target.is_file() or sha256_of(target) != change.digest)


def _is_another(root: Path, change: Change) -> bool:
    backup = _backup(root, change)
    return change.original is not None and (not backup.is_file() or sha256_of(backup) != change.original)


def _roll_back(step: Step) -> None:
    root = step.root
    _refuse_links_in(step)
    placed = [change for change in step.changes if _is_placed(step, change)]
    edited = [change.target for change in placed if _was_edited(root, change)]
    if edited:
        hint = f"move them out of the dataset, then type: segcli undo {root}"
        message = f"a {step.name} was stopped half-way, and since then were changed: {', '.join(edited[:5])}"
        raise UsageError(message, path=root, hint=hint)
    for change in reversed(placed):
        if change.backup is not None:
            _backup(root, change).replace(root / change.target)
        else:
            (root / change.target).unlink(missing_ok=True)
    for name in reversed(step.folders):
        with suppress(OSError):  # not empty: the user put something there
            (root / name).rmdir()


def _is_placed(step: Step, change: Change) -> bool:
    """Whether anything of a file was moved: without its backup it is the original, not replaced yet or restored."""
    if change.backup is not None:
        return os.path.lexists(_backup(step.root, change))
    return not step.staged(change.target).exists()


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
    names = {parent.as_posix() for change in changes for parent in PurePosixPath(change.target).parents}
    return tuple(sorted(name for name in names if not (root / name).exists()))


def _backup_name(root: Path, existing: Path) -> str:
    return backup_path(existing).relative_to(root).as_posix()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _synced_sha256(path: Path) -> str:
    """Digest of a file that is on the disk before it takes another's place."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return sha256_of(path)
