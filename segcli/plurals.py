"""Amounts in messages: counted nouns (`1 image`, `2 images`) and lists of which the first are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
MOST_LISTED = 5
"""As many names as a message lists, unless it says otherwise."""


def counted(number: int, noun: str, several: str | None = None) -> str:
    """A number with its noun, which takes an s unless its plural is given: ``1 fault``, ``2 faults``, ``3 classes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def listed(
    things: Sequence[T], most: int = MOST_LISTED, *, name: Callable[[T], str] = str, separator: str = ", "
) -> str:
    """The first things by name, and how many follow.

    Args:
        things: What is listed; `name` is called for those that are named only.
        most: How many are named.
        name: The text of a thing.
        separator: Stands between two names.

    >>> listed(["a.png", "b.png", "c.png"], 2)
    'a.png, b.png and 1 more'
    """
    rest = len(things) - most
    return separator.join(name(thing) for thing in things[:most]) + (f" and {rest} more" if rest > 0 else "")


def with_article(noun: str) -> str:
    """``a split``, ``an outline``."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"
