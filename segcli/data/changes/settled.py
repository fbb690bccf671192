"""Reading a dataset that others may change: the old state or the new one, never a mixture, and nothing is written."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from segcli.data.changes.journal import FOLDER, LOCK, Signature, changed_roots, signature, steps
from segcli.data.lists import relative_name
from segcli.data.lock import holder
from segcli.data.walk import noting_unreadable, unreadable
from segcli.errors import BusyError, DatasetError, SegcliError
from segcli.findings import Finding
from segcli.plurals import with_article
from segcli.rules import finding

log = logging.getLogger("segcli.data")

WAIT_S = 10.0
"""How long files are waited for that another process puts in their places: renaming them takes moments."""
_PAUSE_S = 0.02
_TRIES = 3

Value = TypeVar("Value")
Signatures = tuple[tuple[str, Signature], ...]


def dataset_root(dataset_dir: Path, find: Callable[[Path], Path]) -> Path:
    """The folder of a dataset that is about to be changed, also where the lists are missing that a killed change moved.

    Args:
        dataset_dir: What a person calls the dataset.
        find: Finds the folder in it that holds the lists or annotations.

    Raises:
        SegcliError: What `find` raises.
    """
    for _ in range(_TRIES):
        try:
            return find(dataset_dir)
        except SegcliError as fault:
            error = fault
            open_ones = [root for root in changed_roots(dataset_dir) if any(step.is_open for step in steps(root))]
            if len(open_ones) == 1:
                return open_ones[0]
    raise error


def read_settled(dataset_dir: Path, read: Callable[[], Value]) -> Value:
    """What `read` reads of a dataset in one state; read again where another process has changed it meanwhile.

    Args:
        dataset_dir: The dataset, or a folder above it.
        read: Reads it.

    Raises:
        DatasetError: A change was stopped half-way (D001), or a journal is damaged (D002).
        BusyError: Other processes are changing the dataset again and again.
    """
    with noting_unreadable():
        return _read_settled(dataset_dir, read)


def _read_settled(dataset_dir: Path, read: Callable[[], Value]) -> Value:
    for _ in range(_TRIES):
        before = require_settled(dataset_dir)
        try:
            value = read()
        except Exception:
            if signatures(dataset_dir) == before:
                raise
        else:
            if signatures(dataset_dir) == before:
                return value
        log.warning("%s was changed by another process while it was read, and is read again", dataset_dir)
    hint = "type the command again when they have ended"
    raise BusyError("other processes change the dataset all the time", path=dataset_dir, hint=hint)


def unreadable_findings(root: Path) -> list[Finding]:
    """The folders of a dataset that cannot be read (D003), also those that its lists do not lead to.

    Args:
        root: The dataset, to which their names are relative.
    """
    return [
        finding("D003", relative_name(Path(folder), root), f"this folder cannot be read: {reason}")
        for folder, reason in unreadable(root).items()
    ]


def require_settled(dataset_dir: Path) -> Signatures:
    """What a dataset's journals are like at a moment when its files are all old or all new; waits for it.

    Raises:
        DatasetError: A change was stopped half-way (D001), or a journal is damaged (D002).
        BusyError: A change takes too long.
    """
    until = time.monotonic() + WAIT_S
    while True:
        roots = changed_roots(dataset_dir)
        # who holds the lock is looked up first: a writer that ends in between has closed its step by then
        owners = [holder(root / FOLDER / LOCK) for root in roots]
        seen = _signatures(roots)
        waiting = None
        for root, owner in zip(roots, owners, strict=True):
            unfinished = [step for step in steps(root) if step.is_open]
            if unfinished and owner is None:
                raise _unfinished(root, unfinished[-1].name)
            waiting = owner if unfinished else waiting
        if waiting is None:
            return seen
        if time.monotonic() >= until:
            hint = "type the command again when that has ended"
            raise BusyError(f"the dataset is being changed: {waiting}", path=dataset_dir, hint=hint)
        time.sleep(_PAUSE_S)


def signatures(dataset_dir: Path) -> Signatures:
    """Another value after every change that segcli makes to a dataset."""
    return _signatures(changed_roots(dataset_dir))


def _signatures(roots: Iterable[Path]) -> Signatures:
    return tuple((str(root), signature(root)) for root in roots)


def _unfinished(root: Path, name: str) -> DatasetError:
    message = f"{with_article(name)} was stopped half-way here: some files are old, some are new"
    hint = f"{shlex.join(['segcli', 'undo', str(root)])} takes back what was begun, and nothing else"
    fault = finding("D001", FOLDER, message, hint=hint)
    return DatasetError(message, [fault], path=root, hint=hint)
