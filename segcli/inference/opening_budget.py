"""What opening a network may take, and how a process says that it was not enough."""

from __future__ import annotations

MEMORY_OVER = 3
"""Exit status where the memory was not enough."""
_LEAST_BYTES, _BYTES_PER_BYTE = 2 << 30, 12
_LEAST_SECONDS, _BYTES_PER_SECOND = 30, 1_000_000


def most_bytes(size: int) -> int:
    """Memory that opening files of so many bytes may take, beside that of the libraries."""
    return _LEAST_BYTES + _BYTES_PER_BYTE * size


def most_seconds(size: int) -> int:
    """Seconds of computing that it may take."""
    return _LEAST_SECONDS + size // _BYTES_PER_SECOND
