"""Finds the images that an annotation file names, also where the names are only nearly the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from segcli.data.files import is_file
from segcli.data.image import IMAGE_SUFFIXES
from segcli.data.walk import files_below

_HASH = re.compile(r"[0-9a-f]{8}[-_](?=.)")
"""What Label Studio puts before a name."""


class ImageIndex:
    """The images of a dataset by their names.

    Args:
        root: Its folder; looked through when a name is not found where it should be.
        folders: Where the images should be, the likeliest first.
    """

    def __init__(self, root: Path, folders: Sequence[Path]) -> None:
        self._root = root
        self._folders = list(folders)
        self.near: list[tuple[str, Path]] = []
        """Names that were written otherwise than the file's, with the files."""

    def find(self, file_name: str) -> Path | None:
        """The file of a name with forward slashes; None where there is none, or more than one is as near."""
        for folder in self._folders:
            if is_file(folder / file_name):
                return folder / file_name
        base = PurePosixPath(file_name).name
        for folder in self._folders:
            if base and is_file(folder / base):
                return folder / base
        found = self._nearest(file_name)
        if found is not None:
            self.near.append((file_name, found))
        return found

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
        """Every image below the root by its name as it would be compared."""
        index: dict[str, list[Path]] = defaultdict(list)
        for path in files_below(self._root, IMAGE_SUFFIXES):
            for key in dict.fromkeys(_keys(path.name)):
                index[key].append(path)
        return index


def _folded(name: str) -> str:
    """The name without differences of case and of how accents are written."""
    return normalize("NFC", name).casefold()


def _keys(name: str) -> Iterator[str]:
    """What a name is compared by: as it is, then without a hash before it."""
    folded = _folded(name)
    yield folded
    without = _HASH.sub("", folded, count=1) if _HASH.match(folded) else folded
    if without != folded:
        yield without
