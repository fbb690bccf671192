"""Limits of memory and time for programs that read networks in C++, and what became of one that reached them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

MEMORY_OVER = 3
"""Exit status if the memory was not enough."""
WALL_TIMES = 20
"""Wall time allowed per second of CPU time, for machines under load."""
_LEAST_BYTES, _BYTES_PER_BYTE = 2 << 30, 12
_LEAST_SECONDS, _BYTES_PER_SECOND = 30, 1_000_000
_SIGNS = ("bad_alloc", "bad allocation", "allocate", "ResourceExhausted", "out of memory", "Out of memory")


def most_bytes(size: int) -> int:
    """Memory in bytes that reading files of `size` bytes may use, in addition to that of the libraries."""
    return _LEAST_BYTES + _BYTES_PER_BYTE * size


def most_seconds(size: int, times: int = 1) -> int:
    """CPU time in seconds that opening files of `size` bytes may take, or work that takes `times` as long."""
    return times * (_LEAST_SECONDS + size // _BYTES_PER_SECOND)


def limit_this_process(size: int, times: int = 1) -> None:
    """Sets the limits for reading files of `size` bytes; called after the libraries were imported."""
    try:
        import resource
    except ImportError:  # not on Windows
        return

    def limit(kind: int, soft: int, hard: int) -> None:
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:  # of whoever started segcli, such as `ulimit -t`
            soft, hard = min(soft, most), min(hard, most) if hard != resource.RLIM_INFINITY else most
        resource.setrlimit(kind, (soft, hard))

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + most_seconds(size, times)
    limit(resource.RLIMIT_CPU, seconds, seconds + 5)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # not on macOS, which does not enforce such a limit either
        return
    limit(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + most_bytes(size), resource.RLIM_INFINITY)


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether an exception of any library says that the memory was not enough."""
    return isinstance(fault, MemoryError) or any(sign in str(fault) for sign in _SIGNS)


def how_it_ended(status: int, size: int, times: int = 1) -> str | None:
    """What limits or a crash a process ended by; None for success and for an exception that it told of itself.

    Args:
        status: Its exit status, negative for a signal.
        size: Bytes of the files that it read.
        times: As in `limit_this_process`.
    """
    if status == MEMORY_OVER:
        return f"uses more than {most_bytes(size) / 1e9:.0f} GB, which a model of {size / 1e6:.1f} MB does not need"
    if status >= 0:
        return None
    if hasattr(signal, "SIGXCPU") and -status in (signal.SIGXCPU, signal.SIGKILL):
        return f"is not done after {most_seconds(size, times)} s of CPU time, or uses too much memory"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"crashes the process ({name})"
