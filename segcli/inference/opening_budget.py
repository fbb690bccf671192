"""Limits of memory and time for opening a network, and the exit status for too little memory."""

from __future__ import annotations

MEMORY_OVER = 3
"""Exit status if the memory was not enough."""
_LEAST_BYTES, _BYTES_PER_BYTE = 2 << 30, 12
_LEAST_SECONDS, _BYTES_PER_SECOND = 30, 1_000_000


def most_bytes(size: int) -> int:
    """Memory in bytes that opening files of `size` bytes may use, in addition to that of the libraries."""
    return _LEAST_BYTES + _BYTES_PER_BYTE * size


def most_seconds(size: int) -> int:
    """CPU time in seconds that opening files of `size` bytes may take."""
    return _LEAST_SECONDS + size // _BYTES_PER_SECOND
