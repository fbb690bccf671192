"""Ends changes of a dataset that did not reach their end: what they moved goes back."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from segcli.data.changes.journal import JOURNAL, Change, State, Step, distrust, link_on_the_way, remove_passing, steps
from segcli.data.files import sha256_of
from segcli.data.lock import Lock
from segcli.errors import UsageError
from segcli.plurals import listed, with_article

log = logging.getLogger("segcli.data")

UNDONE = "undone"
"""What the lock says of the step that an undo has just ended."""


def recover_steps(root: Path, *, quiet: bool = False) -> None:
    """Ends every step that is not done; `quiet` does not log it."""
    remove_passing(root)
    for step in reversed(steps(root)):
        if step.state is State.DONE:
            continue
        if step.is_open and not quiet:
            log.warning("%s: %s that was stopped half-way is taken back", root, with_article(step.name))
        end_step(step)


def end_step(step: Step, lock: Lock | None = None) -> None:
    """Leaves nothing of a step behind."""
    if step.is_open:
        _roll_back(step)
    if lock is not None:
        lock.note(**{UNDONE: step.folder.name})
    step.remove()


def _roll_back(step: Step) -> None:
    root = step.root
    refuse_links_in(step)
    placed = [change for change in step.changes if _is_placed(step, change)]
    edited = [change.target for change in placed if was_edited(root, change)]
    if edited:
        hint = f"move them out of the dataset, then type: segcli undo {root}"
        message = f"{with_article(step.name)} was stopped half-way, and since then were changed: {listed(edited)}"
        raise UsageError(message, path=root, hint=hint)
    for change in reversed(placed):
        if change.backup is not None:
            backup_of(root, change).replace(root / change.target)
        else:
            (root / change.target).unlink(missing_ok=True)
    for name in reversed(step.folders):
        with suppress(OSError):  # not empty: the user put something there
            (root / name).rmdir()


def _is_placed(step: Step, change: Change) -> bool:
    """Whether anything of a file was moved: without its backup it is the original, not replaced yet or restored."""
    if change.backup is not None:
        return os.path.lexists(backup_of(step.root, change))
    return not step.staged(change.target).exists()


def refuse_links_in(step: Step) -> None:
    """Refuses a step whose files would be reached through a symbolic link."""
    names = [*(change.target for change in step.changes), *step.folders]
    link = link_on_the_way(step.root, names)
    if link is not None:
        raise distrust(step.root, step.folder, f"{JOURNAL} leads out of the dataset: {link} is a symbolic link")


def backup_of(root: Path, change: Change) -> Path:
    """Where the original of a changed file is kept."""
    return root / (change.backup or "")


def was_edited(root: Path, change: Change) -> bool:
    """Whether a file is another one than the change has written."""
    target = root / change.target
    return os.path.lexists(target) and (not target.is_file() or sha256_of(target) != change.digest)
