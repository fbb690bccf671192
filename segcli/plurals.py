"""Counted nouns for messages: `1 image`, `2 images`."""

from __future__ import annotations


def counted(number: int, noun: str, several: str | None = None) -> str:
    """A number with its noun, which takes an s unless its plural is given: ``1 fault``, ``2 faults``, ``3 classes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"
