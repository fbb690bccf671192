"""Plug-ins: what packages that are installed beside segcli add to its tables, by entry points."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def plug_ins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, such as ``segcli.models``."""
    return tuple(_all().select(group=group))


@lru_cache(maxsize=1)
def _all() -> Any:
    """The entry points of all packages, read once: that opens a file per installed package."""
    from importlib.metadata import entry_points

    return entry_points()
