"""Changes to a dataset that happen whole or not at all, and can be undone.

Everything is written beside the dataset first. Then a journal is left, originals become backups (``x.bak``,
``x.bak.1``, ...) and the new files take their places. A run that was killed in between is rolled back by the next one,
and so is an `undo` that was killed: every step can be taken again.

```
<root>/.segcli/<number>-<name>/journal.json     what was replaced by what
<root>/.segcli/<number>-<name>/new/...          what is not in place yet
```
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

from segcli.data.files import backup_path, sha256_of, write_json_atomic
from segcli.errors import UsageError

FOLDER = ".segcli"
_JOURNAL = "journal.json"
_NAMED_BACKUPS = 4


@dataclass(frozen=True)
class Change:
    """One file of a transaction; paths are relative to the dataset's root.

    Attributes:
        target: The file.
        backup: Where its original went; None when there was none.
        digest: SHA-256 of the new content.
    """

    target: str
    backup: str | None
    digest: str


@dataclass(frozen=True)
class _Journal:
    """State (``committing`` or ``done``), changes, and the folders that were made for them, outer ones first."""

    state: str
    changes: tuple[Change, ...] = ()
    folders: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        write_json_atomic(folder / _JOURNAL, asdict(self))


@dataclass
class Transaction:
    """Files to be put into a dataset together.

    Attributes:
        root: The dataset's folder.
        folder: Where the transaction keeps its files.
        changes: What was changed, after `commit`.
    """

    root: Path
    folder: Path
    changes: list[Change] = field(default_factory=list)

    def stage(self, target: str) -> Path:
        """Where to write the new content of `target` (relative to the root, forward slashes)."""
        path = self.folder / "new" / PurePosixPath(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def commit(self) -> None:
        """Puts every staged file in its place; a file whose content stays the same is left alone."""
        staged = self.folder / "new"
        planned = [self._plan(path, path.relative_to(staged).as_posix()) for path in _files(staged)]
        self.changes = [change for change in planned if change is not None]
        journal = _Journal("committing", tuple(self.changes), _missing_folders(self.root, self.changes))
        if self.changes:
            journal.write(self.folder)
            self._put_in_place(staged)
            replace(journal, state="done").write(self.folder)
            shutil.rmtree(staged, ignore_errors=True)
        else:
            shutil.rmtree(self.folder)
            _drop_if_empty(self.root)

    def _put_in_place(self, staged: Path) -> None:
        for change in self.changes:
            target = self.root / change.target
            target.parent.mkdir(parents=True, exist_ok=True)
            if change.backup is not None:
                target.rename(self.root / change.backup)
            (staged / change.target).rename(target)

    def _plan(self, staged: Path, target: str) -> Change | None:
        existing = self.root / target
        digest = _synced_sha256(staged)
        if not existing.exists():
            return Change(target, None, digest)
        if sha256_of(existing) == digest:
            return None
        return Change(target, backup_path(existing).relative_to(self.root).as_posix(), digest)


def change_rows(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Rows for the terminal: what was written, what was kept, and how to go back."""
    if not changes:
        return [("changed", "nothing, all was there already")]
    backups = [change.backup for change in changes if change.backup is not None]
    kept = f"{len(backups)} kept, the first is {backups[0]}" if len(backups) > _NAMED_BACKUPS else ", ".join(backups)
    return [
        ("written", f"{len(changes)} files; --undo takes them back"),
        ("originals", kept or "none were replaced"),
    ]


@contextmanager
def transaction(root: Path, name: str) -> Iterator[Transaction]:
    """A transaction that is committed when the block ends without an error, and leaves nothing behind otherwise.

    Args:
        root: The dataset's folder.
        name: What is being done, for the folder's name.
    """
    recover(root)
    number = max((_number(folder) for folder in _folders(root)), default=0) + 1
    folder = root / FOLDER / f"{number:03d}-{name}"
    folder.mkdir(parents=True)
    opened = Transaction(root, folder)
    try:
        yield opened
        opened.commit()
    except BaseException:
        recover(root)
        raise


def recover(root: Path) -> None:
    """Rolls back what did not reach its end; does nothing otherwise."""
    for folder in _folders(root):
        journal = _read(folder)
        if journal.state == "committing":
            _roll_back(root, folder, journal)
        if journal.state != "done":
            shutil.rmtree(folder)
    _drop_if_empty(root)


def undo(dataset_dir: Path) -> list[Change]:
    """Restores what the last transaction of a dataset replaced, and removes what it added.

    Args:
        dataset_dir: The dataset's folder, or one above the only dataset that was changed.

    Returns:
        What was undone.

    Raises:
        UsageError: There is nothing to undo, or a file was changed or a backup taken away since.
    """
    root = _changed_root(dataset_dir)
    recover(root)
    folders = _folders(root)
    if not folders:
        raise UsageError("there is nothing to undo", path=root)
    journal = _read(folders[-1])
    _refuse(root, [c.target for c in journal.changes if _was_edited(root, c)], "were changed since")
    backups = [change.backup for change in journal.changes if change.backup is not None]
    _refuse(root, [name for name in backups if not (root / name).exists()], "are not there any more")
    replace(journal, state="committing").write(folders[-1])
    recover(root)
    return list(journal.changes)


def added_files(root: Path) -> set[Path]:
    """Files that transactions put where there was none."""
    changes = (change for folder in _folders(root) for change in _read(folder).changes)
    return {root / change.target for change in changes if change.backup is None}


def _changed_root(dataset_dir: Path) -> Path:
    if (dataset_dir / FOLDER).is_dir():
        return dataset_dir
    roots = sorted(folder.parent for folder in dataset_dir.rglob(FOLDER) if folder.is_dir())
    if len(roots) > 1:
        listing = ", ".join(str(root.relative_to(dataset_dir)) for root in roots)
        raise UsageError(f"changed datasets lie in {listing}", path=dataset_dir, hint="name one of them")
    return roots[0] if roots else dataset_dir


def _refuse(root: Path, files: list[str], what: str) -> None:
    if files:
        hint = "put them back as they were, or restore the .bak files by hand, so that nothing of yours is lost"
        raise UsageError(f"{len(files)} files {what}: {', '.join(files[:5])}", path=root, hint=hint)


def _was_edited(root: Path, change: Change) -> bool:
    target = root / change.target
    return target.exists() and sha256_of(target) != change.digest


def _roll_back(root: Path, folder: Path, journal: _Journal) -> None:
    for change in reversed(journal.changes):
        target = root / change.target
        if change.backup is not None:
            # without its backup the target is the original: not replaced yet, or restored already
            if (root / change.backup).exists():
                (root / change.backup).replace(target)
        elif not (folder / "new" / change.target).exists():
            target.unlink(missing_ok=True)
    for name in reversed(journal.folders):
        with suppress(OSError):  # not empty: the user put something there
            (root / name).rmdir()


def _drop_if_empty(root: Path) -> None:
    with suppress(OSError):  # not there, or not empty: earlier transactions are kept
        (root / FOLDER).rmdir()


def _missing_folders(root: Path, changes: Iterable[Change]) -> tuple[str, ...]:
    names = {parent.as_posix() for change in changes for parent in PurePosixPath(change.target).parents}
    return tuple(sorted(name for name in names if not (root / name).exists()))


def _read(folder: Path) -> _Journal:
    path = folder / _JOURNAL
    if not path.is_file():
        return _Journal("staging")
    values = json.loads(path.read_text(encoding="utf-8"))
    changes = tuple(Change(**change) for change in values["changes"])
    return _Journal(str(values["state"]), changes, tuple(values.get("folders", ())))


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in (root / FOLDER).glob("[0-9]*-*") if folder.is_dir())


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _synced_sha256(path: Path) -> str:
    """Digest of a file that is on the disk before it takes another's place."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return sha256_of(path)
