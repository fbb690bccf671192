"""Names of a dataset looked up in its folders, for lists of a hundred thousand lines."""

from __future__ import annotations

import os
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
    asked: int = 0
    files: frozenset[str] = frozenset()

    def holds(self, name: str) -> bool:
        self.asked += 1
        if self.asked == _ONE_BY_ONE:
            self.files = _files_in(self.path)
        # the system may take another spelling than that of the listing
        return name in self.files or is_file(os.path.join(self.path, name))  # noqa: PTH118 - five times faster


@dataclass
class FileLookup:
    """Which of the named files are there.

    Attributes:
        root: Folder that the names are relative to.
    """

    root: Path
    _folders: dict[str, _Folder] = field(default_factory=dict)
    _known: dict[str, Path | None] = field(default_factory=dict)

    def find(self, name: str) -> Path | None:
        """The file, if it is there, always the same object; a list written on Windows may hold backslashes."""
        if name not in self._known:
            names = (name, name.replace("\\", "/")) if "\\" in name else (name,)
            self._known[name] = next((path for path in map(self._find, names) if path is not None), None)
        return self._known[name]

    def _find(self, name: str) -> Path | None:
        start = name.rfind("/") + 1
        above, last = name[:start], name[start:]
        folder = self._folders.get(above)
        if folder is None:
            folder = self._folders[above] = _Folder(self.root / above)
        return folder.path / last if folder.holds(last) else None


def _files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as found:
            return frozenset(entry.name for entry in islice(found, _MOST_LISTED) if entry.is_file())
    except OSError:
        return frozenset()
