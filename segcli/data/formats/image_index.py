"""Finds the images that an annotation file names, also where the names differ slightly."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from segcli.data.files import is_file
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import files_below

_HASH = re.compile(r"[0-9a-f]{8}[-_](?=.)")
"""The hash that Label Studio puts before a name."""


class ImageIndex:
    """Lookup of the images of a dataset by name.

    Args:
        root: Folder of the dataset, searched when a name is not found in `folders`.
        folders: Folders where the images should be, the likeliest first.
    """

    def __init__(self, root: Path, folders: Sequence[Path]) -> None:
        self._root = root
        self._folders = list(folders)
        self.near: list[tuple[str, Path]] = []
        """Names that differ slightly from the name of the file that was found, with that file."""

    def find(self, file_name: str) -> Path | None:
        """Returns the file for a name with forward slashes; None if there is none, or several are equally similar."""
        found = self._named(file_name) or self._named(PurePosixPath(file_name).name)
        if found is not None:
            return found
        found = self._nearest(file_name)
        if found is not None:
            self.near.append((file_name, found))
        return found

    def _named(self, name: str) -> Path | None:
        """The first file of just that name."""
        return next((path for folder in self._folders if name and is_file(path := folder / name)), None)

    def _nearest(self, file_name: str) -> Path | None:
        for key in _keys(PurePosixPath(file_name).name):
            found = self._by_key.get(key, [])
            if len(found) > 1:
                tail = _folded(file_name)
                found = [path for path in found if _folded(path.relative_to(self._root).as_posix()).endswith(tail)]
            if len(found) == 1:
                return found[0]
        return None

    @cached_property
    def _by_key(self) -> dict[str, list[Path]]:
        """Every image below the root, by its keys for comparison."""
        index: dict[str, list[Path]] = defaultdict(list)
        for path in files_below(self._root, IMAGE_SUFFIXES):
            for key in dict.fromkeys(_keys(path.name)):
                index[key].append(path)
        return index


def _folded(name: str) -> str:
    """The name, normalised in case and in the encoding of accents."""
    return normalize("NFC", name).casefold()


def _keys(name: str) -> Iterator[str]:
    """Keys for comparing a name: the name itself, then without Label Studio's hash."""
    folded = _folded(name)
    yield folded
    without = _HASH.sub("", folded, count=1) if _HASH.match(folded) else folded
    if without != folded:
        yield without
