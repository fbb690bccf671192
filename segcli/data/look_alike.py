"""Names that look alike: they differ in case, spaces, invisible characters, or letters of another alphabet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_CYRILLIC = ("АВСЕНІЈКМОРЅТХУасеіјорѕухӏԁԛԝһвкмнт", "ABCEHIJKMOPSTXYaceijopsyxldqwhbkmht")
_GREEK = ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυικχτ", "ABEZHIKMNOPTYXavopyikxt")
_LATIN = str.maketrans("".join((_CYRILLIC[0], _GREEK[0])), "".join((_CYRILLIC[1], _GREEK[1])))
_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")


def looks_of(name: str) -> str:
    """A text that is equal for names that look alike."""
    visible = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
    return _SEPARATORS.sub("_", visible.translate(_LATIN).casefold().translate(_LATIN)).strip("_")


def look_alikes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name that looks like an earlier, different one, with that one."""
    first: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = first.setdefault(looks_of(name), name)
        if other != name:
            yield name, other


def difference(name: str, other: str) -> str:
    """How two names that look alike differ, for a message."""
    strange = [char for char in name if char not in other and not char.isascii()]
    strange = strange or [char for char in other if char not in name and not char.isascii()]
    if strange:
        char = strange[0]
        return f"U+{ord(char):04X} {unicodedata.name(char, 'without name').lower()}"
    return "case" if name.casefold() == other.casefold() else "spaces, hyphens or underscores"
