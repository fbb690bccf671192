"""Plug-ins: what packages that are installed beside segcli add to its tables, by entry points."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_OURS = "segcli."
"""What the names of our groups begin with."""


def plug_ins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, such as ``segcli.models``."""
    return tuple(point for point in _all() if point.group == group)


@lru_cache(maxsize=1)
def _all() -> tuple[EntryPoint, ...]:
    """Our entry points of all packages, looked for once.

    Of each package the file is searched as text first: `importlib.metadata.entry_points` parses those of all packages,
    which takes four times as long.
    """
    from importlib.metadata import distributions

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for package in distributions():
        if _OURS in (package.read_text("entry_points.txt") or ""):
            ours = tuple(point for point in package.entry_points if point.group.startswith(_OURS))
            if ours:  # segcli itself has none, and its name would be parsed from all that it says of itself
                found.setdefault(package.metadata["Name"], ours)  # the first on the path counts, as for imports
    return tuple(point for points in found.values() for point in points)
