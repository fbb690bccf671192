"""Remedies for errors of multi-process training that Paddle, NCCL or the system report."""

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
        "the device ran out of memory: lower Train.batch_size, Train.crop_size or Train.input_size",
    ),
    (
        r"address already in use|bind.*failed",
        "the port is in use by another program: set Train.dist_port to the same free port on every machine",
    ),
    (
        r"nccl|comm task|ProcessGroup.*time ?out|watchdog",
        "a process waited for another one that had ended, hangs or cannot be reached: look for the first error in all "
        "logs; between machines set NCCL_SOCKET_IFNAME to the network interface that they share; NCCL_P2P_DISABLE=1 or "
        "NCCL_IB_DISABLE=1 avoids a faulty link; NCCL_DEBUG=INFO logs what NCCL does",
    ),
    (
        r"TCPStore|connection (refused|timed out|reset)|store.*time ?out",
        "the processes cannot reach each other: start the same command on every machine of Train.dist_ips, in that "
        "order, and open Train.dist_port and the ports after it",
    ),
)
"""Pattern in a log -> remedy; the first match is used."""


def advice_for(text: str) -> str | None:
    """The remedy for the error that `text` reports; None if the error is not a known one."""
    return next((advice for signs, advice in _ADVICE if re.search(signs, text, re.IGNORECASE)), None)


def advice_from_logs(logs: Iterable[Path]) -> str | None:
    """The remedy for an error reported in the last 64 KiB of any of the logs; None if there is none."""
    return advice_for("\n".join(_tail(path) for path in logs))


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        return file.read().decode("utf-8", "replace")
