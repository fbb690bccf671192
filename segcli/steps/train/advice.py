"""What to do about faults of several processes, which the libraries tell in words of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_TAIL_BYTES = 1 << 16

_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"bus error|SIGBUS|/dev/shm|shared memory",
        "the shared memory is too small for the loading processes: start the container with --shm-size=8g, or set "
        "Train.num_workers=0",
    ),
    (
        r"out of memory|ResourceExhausted",
        "the memory of the device is too small: lower Train.batch_size, Train.crop_size or Train.input_size",
    ),
    (
        r"address already in use|bind.*failed",
        "the port is taken by another training: set Train.dist_port to the same free port on every machine",
    ),
    (
        r"nccl|comm task|ProcessGroup.*time ?out|watchdog",
        "a process waited for another one that had ended, hangs or cannot be reached: look for the first error in all "
        "logs; between machines set NCCL_SOCKET_IFNAME to the network interface that they share; NCCL_P2P_DISABLE=1 or "
        "NCCL_IB_DISABLE=1 leaves out a faulty link; NCCL_DEBUG=INFO says what is tried",
    ),
    (
        r"TCPStore|connection (refused|timed out|reset)|store.*time ?out",
        "the processes do not reach each other: start the same command on every machine of Train.dist_ips, in that "
        "order, and open Train.dist_port and the ports after it",
    ),
)
"""What a log says -> what to do; the first that fits counts."""


def advice_for(text: str) -> str | None:
    """What to do about a fault that `text` reports; None where it is none of the known ones."""
    return next((advice for signs, advice in _ADVICE if re.search(signs, text, re.IGNORECASE)), None)


def advice_from_logs(logs: Iterable[Path]) -> str | None:
    """The same, of the ends of the logs of several processes."""
    return advice_for("\n".join(_tail(path) for path in logs))


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        return file.read().decode("utf-8", "replace")
