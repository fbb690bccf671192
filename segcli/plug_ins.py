"""Plug-ins: what packages that are installed beside segcli add to its tables, by entry points."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

_all = lru_cache(maxsize=1)(entry_points)
"""The entry points of all packages, read once: that opens a file per installed package."""


def plug_ins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, such as ``segcli.models``."""
    return tuple(_all().select(group=group))
