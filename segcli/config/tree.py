"""Nested mappings and lists, reached by dotted keys such as ``Train.transforms[0].size``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Values = dict[str, Any]


def put(values: Values, key: str, value: Any) -> None:
    """Sets the value of a key; missing mappings on the path are created, lists must exist.

    Raises:
        LookupError: The key indexes a list that is missing or too short.
        TypeError: The key continues below a plain value.
    """
    *way, last = _parts(key)
    inner: Any = values
    for name, following in zip(way, [*way[1:], last], strict=True):
        if isinstance(inner, dict) and inner.get(name) is None:
            if isinstance(following, int):
                raise LookupError(f"{name} is not a list")
            inner[name] = {}
        inner = _inside(inner, name)
    _inside(inner, last, absent_is_fine=True)
    inner[last] = value


def value_at(values: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None where there is none."""
    inner: Any = values
    for name in key.split("."):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner


def discard(values: Values, key: str) -> None:
    """Removes a dotted key if it exists."""
    parent, _, name = key.rpartition(".")
    inner = value_at(values, parent) if parent else values
    if isinstance(inner, dict):
        inner.pop(name, None)


def _parts(key: str) -> list[str | int]:
    pieces = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    return [int(index) if index else name for index, name in pieces]


def _inside(container: Any, name: str | int, *, absent_is_fine: bool = False) -> Any:
    if isinstance(name, int):
        if not isinstance(container, list):
            raise TypeError(f"[{name}] indexes {container!r}, which is not a list")
        if name >= len(container):
            raise LookupError(f"[{name}] is beyond the end of a list of {len(container)}")
        return container[name]
    if not isinstance(container, dict):
        raise TypeError(f"{name} is below {container!r}, which has no keys")
    return container.get(name) if absent_is_fine else container[name]
