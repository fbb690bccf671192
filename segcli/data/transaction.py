"""Changes to a dataset that happen whole or not at all, and can be undone.

Everything is written beside the dataset first. Then a journal is left, originals become backups (``x.bak``,
``x.bak.1``, ...) and the new files take their places. A run that was killed in between is rolled back by the next one.

```
<root>/.segcli/<number>-<name>/journal.json     what was replaced by what
<root>/.segcli/<number>-<name>/new/...          what is not in place yet
```
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from segcli.data.files import backup_path, write_json_atomic
from segcli.errors import UsageError

FOLDER = ".segcli"
_JOURNAL = "journal.json"
_BLOCK_BYTES = 1 << 20


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
        self._write_journal("committing")
        for change in self.changes:
            target = self.root / change.target
            target.parent.mkdir(parents=True, exist_ok=True)
            if change.backup is not None:
                target.rename(self.root / change.backup)
            (staged / change.target).rename(target)
        self._write_journal("done")
        shutil.rmtree(staged, ignore_errors=True)
        if not self.changes:
            shutil.rmtree(self.folder)

    def _plan(self, staged: Path, target: str) -> Change | None:
        existing = self.root / target
        digest = _digest(staged)
        if not existing.exists():
            return Change(target, None, digest)
        if _digest(existing) == digest:
            return None
        return Change(target, backup_path(existing).relative_to(self.root).as_posix(), digest)

    def _write_journal(self, state: str) -> None:
        values = {"state": state, "changes": [asdict(change) for change in self.changes]}
        write_json_atomic(self.folder / _JOURNAL, values)


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
    """Rolls back a transaction that did not reach its end; does nothing otherwise."""
    for folder in _folders(root):
        state, changes = _read(folder)
        if state == "committing":
            _roll_back(root, folder, changes)
        if state != "done":
            shutil.rmtree(folder)


def undo(root: Path) -> list[Change]:
    """Restores what the last transaction of a dataset replaced, and removes what it added.

    Returns:
        What was undone.

    Raises:
        UsageError: There is nothing to undo, or a file was changed since.
    """
    recover(root)
    folders = _folders(root)
    if not folders:
        raise UsageError("there is nothing to undo", path=root)
    _, changes = _read(folders[-1])
    edited = [change.target for change in changes if _was_edited(root, change)]
    if edited:
        raise UsageError(
            f"{len(edited)} files were changed since: {', '.join(edited[:5])}",
            path=root,
            hint="move them away first, so that your changes are kept",
        )
    _roll_back(root, folders[-1], changes)
    shutil.rmtree(folders[-1])
    return changes


def _was_edited(root: Path, change: Change) -> bool:
    target = root / change.target
    return target.exists() and _digest(target) != change.digest


def _roll_back(root: Path, folder: Path, changes: list[Change]) -> None:
    for change in reversed(changes):
        target = root / change.target
        in_place = not (folder / "new" / change.target).exists()
        if in_place:
            target.unlink(missing_ok=True)
        if change.backup is not None and (root / change.backup).exists() and not target.exists():
            (root / change.backup).rename(target)


def _read(folder: Path) -> tuple[str, list[Change]]:
    journal = folder / _JOURNAL
    if not journal.is_file():
        return "staging", []
    values = json.loads(journal.read_text(encoding="utf-8"))
    return str(values["state"]), [Change(**change) for change in values["changes"]]


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in (root / FOLDER).glob("[0-9]*-*") if folder.is_dir())


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
