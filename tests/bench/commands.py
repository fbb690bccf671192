"""Whole commands, from their start to their end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

PEAK = """
def peak():
    # ru_maxrss would begin with what the parent has
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
"""
_COMMAND = f"""
import re, runpy, sys, time
from pathlib import Path
{PEAK}
try:
    runpy.run_module("segcli", run_name="__main__")
finally:
    print("MEASURED", time.process_time(), peak())
"""


def installed_environment() -> dict[str, str]:
    """The environment of a command that finds its modules compiled, as an installed one does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def check_measured(root: object, *options: str) -> tuple[float, float]:
    """CPU seconds and the most megabytes of `segcli check` of a dataset that it has not seen before."""
    with tempfile.TemporaryDirectory() as output:
        return printed(_COMMAND, "check", str(root), "--output", output, *options)


def printed(code: str, *arguments: str) -> tuple[float, float]:
    """The two numbers that a process prints."""
    command, environment = [sys.executable, "-c", code, *arguments], installed_environment()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    line = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED"))
    first, second = map(float, line.split()[1:])
    return first, second
