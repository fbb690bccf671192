"""Finds the image that a misspelt name refers to, by common kinds of misspelling."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath

from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import files_below

MASK_FOLDERS = frozenset({"annotations", "masks", "mask", "labels", "label", "segmentationclass", "gt"})
_HASH = re.compile(r"^[0-9a-f]{6,}[-_]|_(jpe?g|png|bmp|webp)\.rf\.[0-9a-f]{8,}(?=\.)")
"""Hashes that Label Studio and Roboflow add before or after a name."""


class NameIndex:
    """An index of all images below a folder.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._names = sorted(_images(root))
        self._all = set(self._names)
        self._by: dict[str, dict[str, list[str]]] = {}
        for kind, key in _KEYS.items():
            table: dict[str, list[str]] = defaultdict(list)
            for name in self._names:
                table[key(name)].append(name)
            self._by[kind] = dict(table)

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return name.replace("\\", "/") in self._all

    def of_stem(self, stem: str) -> list[str]:
        """Images with that stem, in any folder and with any suffix."""
        return self._by["stem"].get(_folded(stem), [])

    def nearest(self, name: str, barred: Collection[str] = ()) -> str | None:
        """The only file that a misspelt name matches; None if none or several match.

        Args:
            name: The name as written.
            barred: Files that are excluded.
        """
        stated = name.replace("\\", "/")
        for kind, key in _KEYS.items():
            found = [other for other in self._by[kind].get(key(stated), []) if other not in barred]
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                return None
        return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _without_hash(name: str) -> str:
    return _HASH.sub("", PurePosixPath(name).name)


_KEYS: dict[str, Callable[[str], str]] = {
    "path": _folded,
    "file": lambda name: _folded(PurePosixPath(name).name),
    "hash": lambda name: _folded(_without_hash(name)),
    "stem": lambda name: _folded(PurePosixPath(_without_hash(name)).stem),
}
"""How names are compared, the most reliable way first."""


def _images(root: Path) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in files_below(root, IMAGE_SUFFIXES))
