"""Runs a program with the Python of another tool, and reads the time that it measured itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

SECONDS = "SECONDS"
"""A program prints this word, a blank and its seconds in a line of its own."""
_OURS = frozenset({"PYTHONPATH", "MKL_DEBUG_CPU_TYPE"})
"""Variables that would hide the tool's packages, and that we set for our own Paddle: tools run as they come."""


def seconds(python: str, program: str, *arguments: object, variables: Mapping[str, str] | None = None) -> float:
    """What `program` prints after `SECONDS`.

    Args:
        python: See `Peer.python`.
        program: Its text.
        arguments: Of its command line.
        variables: Of its environment, besides the usual ones.

    Raises:
        CalledProcessError: It failed.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _OURS} | dict(variables or {})
    command = [python, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(f"{SECONDS} "))
