"""Takes the last change of a dataset back, or ends one that was stopped half-way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from segcli.data.changes.journal import FOLDER, Change, State, Step, changed_roots, remove_passing, steps
from segcli.data.changes.rollback import UNDONE, backup_of, end_step, recover_steps, refuse_links_in, was_edited
from segcli.data.changes.transaction import exclusive
from segcli.data.files import sha256_of
from segcli.errors import UsageError
from segcli.plurals import listed


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
    if not dataset_dir.is_dir():
        raise UsageError("there is no such folder", path=dataset_dir, hint="check the path: segcli undo DATASET")
    root = _changed_root(dataset_dir)
    if not (root / FOLDER).is_dir():
        raise UsageError("there is nothing to undo", path=root)
    with exclusive(root, "segcli undo") as lock:
        remove_passing(root)
        known = steps(root)
        stopped = [step for step in known if step.state is not State.DONE]
        if not known and UNDONE not in lock.left:
            raise UsageError("there is nothing to undo", path=root)
        if UNDONE in lock.left:
            recover_steps(root, quiet=True)
            name = lock.left[UNDONE].partition("-")[2]
            return Undone(root, name, note="was taken back by the undo before, which was killed; nothing else was")
        if stopped:
            for step in reversed(stopped):
                end_step(step, lock)
            return Undone(root, stopped[-1].name, stopped[-1].changes, _STOPPED[stopped[-1].state])
        step = known[-1]
        _refuse_edited(step)
        end_step(step.write(State.UNDOING), lock)
        return Undone(root, step.name, step.changes)


_STOPPED = {
    State.STAGING: "was stopped before it changed a file; what it had prepared is removed, nothing else was taken back",
    State.COMMITTING: "was stopped half-way; nothing else was taken back",
    State.UNDOING: "its undo was stopped half-way and is finished; nothing else was taken back",
}


def _changed_root(dataset_dir: Path) -> Path:
    roots = changed_roots(dataset_dir)
    if len(roots) > 1:
        listing = ", ".join(str(root.relative_to(dataset_dir)) for root in roots)
        raise UsageError(f"changed datasets lie in {listing}", path=dataset_dir, hint="name one of them")
    return roots[0] if roots else dataset_dir


def _refuse_edited(step: Step) -> None:
    """Refuses an undo that would lose what was done to the files since."""
    refuse_links_in(step)
    root, backups = step.root, [change for change in step.changes if change.backup is not None]
    _refuse(root, [c.target for c in step.changes if was_edited(root, c)], "were changed since")
    _refuse(
        root, [c.backup or "" for c in backups if not os.path.lexists(backup_of(root, c))], "are not there any more"
    )
    _refuse(root, [c.backup or "" for c in backups if _is_another(root, c)], "are not what they were")


def _refuse(root: Path, files: list[str], what: str) -> None:
    if files:
        hint = "put them back as they were, or restore the .bak files by hand, so that nothing of yours is lost"
        raise UsageError(f"{len(files)} files {what}: {listed(files)}", path=root, hint=hint)


def _is_another(root: Path, change: Change) -> bool:
    backup = backup_of(root, change)
    return change.original is not None and (not backup.is_file() or sha256_of(backup) != change.original)
