"""Leases of a batch, whose workers tests kill."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path


def kill_holder(lease: Path) -> int | None:
    """Kills the process that holds a lease, and returns its id; None where lease or process are gone already."""
    try:
        holder = int(json.loads(lease.read_text())["pid"])
        os.kill(holder, signal.SIGKILL)
    except (OSError, ValueError):
        return None
    return holder
