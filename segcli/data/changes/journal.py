"""The journals of changes to a dataset: what a change replaces by what, written before the first file moves.

```
<root>/.segcli/<number>-<name>/staging          a sign that the folder is segcli's own, before there is a journal
<root>/.segcli/<number>-<name>/new/...          what is not in place yet
<root>/.segcli/<number>-<name>/journal.json     what was replaced by what
<root>/.segcli/.step-...                        such a folder that is just being made or removed
<root>/.segcli/lock                             who changes the dataset now
```

A dataset comes from anywhere, and its journals with it: they are data from outside. Every name in one is checked before
it is used, nothing is followed through a link, and a folder without journal or sign is somebody else's and stays.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path, PureWindowsPath
from typing import Any

from segcli.data.files import read_bytes, write_bytes_atomic
from segcli.data.walk import STATE_FOLDER, folders
from segcli.errors import DatasetError
from segcli.rules import finding

FOLDER = STATE_FOLDER
LOCK = "lock"
JOURNAL, SIGN, STAGED = "journal.json", "staging", "new"
PASSING = ".step-"

Signature = tuple[tuple[str, int, int, int], ...]
"""Name, inode, time and size of every journal."""

_STEP_NAME = re.compile(r"(?P<number>\d{3,9})-(?P<name>[a-z]+)")
_PASSING_NAME = re.compile(re.escape(PASSING) + r"[\w-]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class State(str, Enum):
    """How far a change is; in the first state it has no journal."""

    STAGING = "staging"
    COMMITTING = "committing"
    DONE = "done"
    UNDOING = "undoing"


@dataclass(frozen=True)
class Change:
    """One file of a change; paths are relative to the dataset's root, with forward slashes.

    Attributes:
        target: The file.
        backup: Where its original went; None when there was none.
        digest: SHA-256 of the new content; None where the file is taken away.
        original: SHA-256 of the original; None where there was none, or in journals of earlier versions.
    """

    target: str
    backup: str | None
    digest: str | None
    original: str | None = None


@dataclass(frozen=True)
class Step:
    """One change of a dataset, as its journal describes it.

    Attributes:
        root: The dataset's folder.
        folder: Where its journal and its staged files lie.
        state: How far it is.
        changes: Its files.
        folders: Folders that were made for them, outer ones first.
    """

    root: Path
    folder: Path
    state: State = State.STAGING
    changes: tuple[Change, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Its place in the order of all changes."""
        return int(self.folder.name.partition("-")[0])

    @property
    def name(self) -> str:
        """What was done: ``convert``, ``split``, ``fix``."""
        return self.folder.name.partition("-")[2]

    @property
    def is_open(self) -> bool:
        """Whether files may be half old and half new."""
        return self.state in (State.COMMITTING, State.UNDOING)

    def staged(self, target: str) -> Path:
        """Where the new content of a file waits."""
        return self.folder.joinpath(STAGED, target)

    def begin(self) -> None:
        """Makes the folder, known as segcli's own from its first moment."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        passing = Path(tempfile.mkdtemp(prefix=PASSING, dir=self.folder.parent))
        (passing / SIGN).touch()
        passing.rename(self.folder)

    def remove(self) -> None:
        """Removes the folder with all that is segcli's own in it."""
        if self.folder.exists():
            passing = self.folder.with_name(f"{PASSING}{self.folder.name}")
            _clear(self.root, passing)
            self.folder.rename(passing)
            _clear(self.root, passing)

    def write(self, state: State) -> Step:
        """The step with another state, as its journal says from now on."""
        step = replace(self, state=state)
        values = {
            "state": state.value,
            "changes": [vars(change) for change in step.changes],
            "folders": list(step.folders),
        }
        # ASCII, because names of files may hold bytes that are no characters; not indented, which is slow
        write_bytes_atomic(self.folder / JOURNAL, json.dumps(values).encode("ascii") + b"\n")
        return step


def next_step(root: Path, name: str) -> Step:
    """A new step after all that are there, nothing written."""
    number = 1 + max((int(folder.name.partition("-")[0]) for folder in _step_folders(root)), default=0)
    return Step(root, root / FOLDER / f"{number:03d}-{name}")


def steps(root: Path) -> list[Step]:
    """All changes of a dataset, the first one first.

    Raises:
        DatasetError: A journal is damaged or names what is not inside the dataset (D002); it names the way out.
    """
    return [_read(root, folder) for folder in _step_folders(root) if any(map(os.path.lexists, _signs(folder)))]


def remove_passing(root: Path) -> None:
    """Removes the folders of steps whose making or removal was stopped. Only for callers that change the dataset."""
    for folder in _folders(root, _PASSING_NAME):
        _clear(root, folder)


def signature(root: Path) -> Signature:
    """A value that is another one after every change of the dataset's files by segcli."""
    found = []
    for folder in _step_folders(root):
        try:
            stat = (folder / JOURNAL).stat()
        except FileNotFoundError:
            continue
        found.append((folder.name, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def added_files(root: Path) -> set[Path]:
    """Files that changes put where there was none."""
    return {root / change.target for step in steps(root) for change in step.changes if change.backup is None}


def changed_roots(dataset_dir: Path) -> list[Path]:
    """`dataset_dir` where segcli has changed it, else the folders below it that segcli has changed."""
    if (dataset_dir / FOLDER).is_dir():
        return [dataset_dir]
    return sorted(folder for folder in folders(dataset_dir) if (folder / FOLDER).is_dir())


def checked_name(value: Any) -> str:
    """A name of a file inside the dataset.

    Raises:
        ValueError: It is none.
    """
    if type(value) is not str or not value:
        raise ValueError(f"{value!r:.80} is no name of a file")
    os.fsencode(value)
    parts = value.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or _leaves_on_windows(value):
        raise ValueError(f"{value!r:.80} does not lie inside the dataset")
    if any(part.casefold() == FOLDER for part in parts):
        raise ValueError(f"{value!r:.80} belongs to segcli itself")
    return value


def link_on_the_way(root: Path, names: Iterable[str]) -> str | None:
    """A folder on the way to one of some files that is a symbolic link, so that the file lies elsewhere; or None."""
    seen: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            if is_link(root / folder):
                return folder
            folder = folder.rpartition("/")[0]
    return None


def is_link(path: Path) -> bool:
    """Whether a path is a symbolic link, or a junction of Windows."""
    is_junction = getattr(os.path, "isjunction", None)
    return path.is_symlink() or (is_junction is not None and bool(is_junction(path)))


def distrust(root: Path, place: Path, why: str) -> DatasetError:
    """The error for a journal that nothing may be done by."""
    away = shlex.join(["mv", str(place), str(root.absolute().with_name(f"{root.absolute().name}-{place.name}"))])
    hint = f"nothing was changed; originals lie beside their files as .bak; to go on without this journal: {away}"
    fault = finding("D002", place.relative_to(root).as_posix(), why, hint=hint)
    return DatasetError(why, [fault], path=place, hint=hint)


def _step_folders(root: Path) -> list[Path]:
    """Folders that may be those of changes; a folder of somebody else may be among them."""
    return sorted(_folders(root, _STEP_NAME), key=lambda path: _order(path.name))


def _folders(root: Path, name: re.Pattern[str]) -> list[Path]:
    state = root / FOLDER
    if is_link(state):
        raise distrust(root, state, "is a symbolic link, which segcli never makes; what lies there is left alone")
    try:
        found = [path for path in state.iterdir() if name.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [path for path in found if path.is_dir() and not is_link(path)]


def _signs(folder: Path) -> tuple[Path, Path]:
    return folder / JOURNAL, folder / SIGN


def _clear(root: Path, folder: Path) -> None:
    """Removes a passing folder; what somebody else put into it stays, and the folder with it."""
    staged = folder / STAGED
    if is_link(staged):
        raise distrust(root, folder, f"{STAGED} is a symbolic link")
    if staged.exists():
        shutil.rmtree(staged)
    for path in (*folder.glob(f".{Path(JOURNAL).stem}.*"), *_signs(folder)):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or not empty
        folder.rmdir()


def _order(name: str) -> tuple[int, str]:
    return int(name.partition("-")[0]), name


def _read(root: Path, folder: Path) -> Step:
    path = folder / JOURNAL
    if not os.path.lexists(path):
        return Step(root, folder)
    if is_link(path) or not path.is_file():
        raise distrust(root, folder, f"{JOURNAL} is a link or no plain file")
    try:
        return _parsed(root, folder, json.loads(read_bytes(path)))
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise distrust(root, folder, f"{JOURNAL} is damaged: {str(fault) or type(fault).__name__}") from fault


def _parsed(root: Path, folder: Path, values: Any) -> Step:
    if not isinstance(values, dict):
        raise ValueError("no journal of segcli")
    changes = tuple(_parsed_change(entry) for entry in _listed(values["changes"]))
    folders = tuple(checked_name(name) for name in _listed(values.get("folders", [])))
    return Step(root, folder, State(values["state"]), changes, folders)


def _parsed_change(entry: Any) -> Change:
    if not isinstance(entry, dict):
        raise ValueError("a change is no object")
    target, backup = checked_name(entry["target"]), entry["backup"]
    if backup is not None:
        checked_name(backup)
        if not re.fullmatch(re.escape(target) + r"\.bak(\.\d{1,9})?", backup):
            raise ValueError(f"{backup!r:.80} is no backup of {target!r:.80}")
    digest, original = (_parsed_digest(entry.get(key)) for key in ("digest", "original"))
    if digest is None and backup is None:
        raise ValueError(f"the change of {target!r:.80} says nothing")
    return Change(target, backup, digest, original)


def _parsed_digest(value: Any) -> str | None:
    if value is not None and (type(value) is not str or not _DIGEST.fullmatch(value)):
        raise ValueError(f"{value!r:.80} is no SHA-256")
    return value


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise ValueError(f"a {type(values).__name__} stands where a list must")
    return values


def _leaves_on_windows(name: str) -> bool:
    return os.name == "nt" and ("\\" in name or ":" in name or bool(PureWindowsPath(name).anchor))
