"""Names of a dataset looked up in its folders, for lists of a hundred thousand lines."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from segcli.data.files import is_file

_ONE_BY_ONE = 1000
"""Names of a folder that are looked up singly, before the folder is listed: that takes a third of the time per name."""
_MOST_LISTED = 1 << 20
"""Names that are taken from a listing; further ones are looked up singly too."""


@dataclass
class _Folder:
    path: Path
    start: str
    asked: int = 0
    files: Set[str] = frozenset()

    def find(self, name: str) -> str | None:
        if name not in self.files:
            self.asked += 1
            if self.asked == _ONE_BY_ONE:
                self.files = _files_in(self.path)
            # the system may take another spelling than that of the listing
            if name not in self.files and not is_file(self.start + name):
                return None
        return self.start + name


@dataclass
class FileLookup:
    """Which of the named files are there.

    Attributes:
        root: Folder that the names are relative to.
    """

    root: Path
    _folders: dict[str, _Folder] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """The path of the file, if it is there, as a text; a list written on Windows may hold backslashes."""
        start = name.rfind("/") + 1
        folder, last = self._folders.get(name[:start]), name[start:]
        if folder is not None and last in folder.files:  # most of a long list, in half the time
            return folder.start + last
        found = self._find(name)
        return self._find(name.replace("\\", "/")) if found is None and "\\" in name else found

    def _find(self, name: str) -> str | None:
        start = name.rfind("/") + 1
        above, last = name[:start], name[start:]
        folder = self._folders.get(above)
        if folder is None:
            path = self.root / above
            folder = self._folders[above] = _Folder(path, start_of(path))
        return folder.find(last)


def start_of(folder: Path) -> str:
    """What the path of a file in this folder begins with, as a text: nothing for the current folder."""
    return str(folder / "_")[:-1]


def _files_in(folder: Path) -> Set[str]:
    try:
        with os.scandir(folder) as found:
            return {entry.name for entry in islice(found, _MOST_LISTED) if entry.is_file()}
    except OSError:
        return frozenset()
