"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than its control group has the time of.

    A container of ``docker --cpus 2`` sees every core of the machine, but its threads together get two seconds of
    CPU time a second; threads beyond two only wait for each other.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _cores_of_group(_GROUPS) or bound)


@cache
def _cores_of_group(groups: Path) -> int | None:
    """Cores whose time the control group has, rounded up; None without a limit. Both versions of Linux's interface."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            numbers = " ".join((groups / name).read_text(encoding="ascii") for name in files).split()
        except OSError:
            continue
        # `max` and `-1` say that there is no limit
        if len(numbers) == 2 and all(number.isdigit() and int(number) for number in numbers):
            return math.ceil(int(numbers[0]) / int(numbers[1]))
    return None
