"""`--json`: a command prints its result as one JSON object, and nothing else, on the output stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Collected:
    """The output of a command so far.

    Attributes:
        result: Its result object; the last one counts.
        shown: What it would have shown a person, for a command without a result object.
    """

    result: dict[str, Any] | None = None
    shown: dict[str, Any] = field(default_factory=dict)


_collected: ContextVar[_Collected | None] = ContextVar("json_output", default=None)


@contextmanager
def json_output(*, wanted: bool) -> Iterator[None]:
    """Inside the block, results are collected; they are printed when it ends. Does nothing unless `wanted`."""
    if not wanted:
        yield
        return
    collected = _Collected()
    token = _collected.set(collected)
    try:
        yield
    finally:
        _collected.reset(token)
        values = collected.shown if collected.result is None else collected.result
        if values:
            sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")


def is_wanted() -> bool:
    """Whether the output stream is for a program."""
    return _collected.get() is not None


def tell_result(values: Mapping[str, Any]) -> None:
    """The result object of the command."""
    collected = _collected.get()
    if collected is not None:
        collected.result = dict(values)


def tell_shown(name: str, values: Any) -> None:
    """Adds what would be shown in the terminal, under its title there."""
    collected = _collected.get()
    if collected is not None:
        collected.shown[name] = values
