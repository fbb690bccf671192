"""What processes that train together share beside gradients: counts, decisions, and each one's share of the images.

A process that is alone, or has not joined others, shares with nobody: everything here then costs nothing, and Paddle
need not be imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Mergeable(Protocol):
    """Counts that can be added up."""

    def merge(self, other: Any) -> None:
        """Adds what another one of its kind has counted."""


M = TypeVar("M", bound=Mergeable)


def world_size() -> int:
    """Number of processes that train together."""
    import paddle

    return int(paddle.distributed.get_world_size())


def rank() -> int:
    """Number of this process."""
    import paddle

    return int(paddle.distributed.get_rank())


def is_first() -> bool:
    """Whether this process writes the files."""
    return rank() == 0


def own_share(items: Sequence[T]) -> Sequence[T]:
    """Every n-th item from this process's number on, so that all processes together have each item once."""
    return items[rank() :: world_size()] if _has_joined() else items


def gathered(value: T) -> list[T]:
    """The values of all processes in the order of their numbers; every process must call this."""
    if not _has_joined():
        return [value]
    import paddle

    found: list[T] = []
    paddle.distributed.all_gather_object(found, value)
    return found


def agreed(value: T) -> T:
    """The first process's value: what must not differ between processes is decided there."""
    return gathered(value)[0]


def merged(counts: M) -> M:
    """What all processes have counted, added up in the order of their numbers; `counts` itself where there is one."""
    first, *others = gathered(counts)
    for other in others:
        first.merge(other)
    return first


def _has_joined() -> bool:
    distributed: Any = sys.modules.get("paddle.distributed")
    return distributed is not None and bool(distributed.is_initialized()) and world_size() > 1
