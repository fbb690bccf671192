"""Commands and programs that a Markdown page shows, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_HERE = ("source ", "scripts/")
"""The environment is this one; scripts/test is what runs these tests, scripts/demo does at length what they do."""


def steps(text: str) -> Iterator[list[str]]:
    """The shell commands and Python programs of a page, in its order."""
    for language, block in re.findall(r"```(bash|python)\n(.*?)```", text, flags=re.DOTALL):
        if language == "python":
            yield [sys.executable, "-c", block]
            continue
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].strip()
            if command and not command.startswith(NOT_HERE):
                yield ["bash", "-c", command]


def run_page(text: str, folder: Path) -> int:
    """Runs all of a page in a folder with main.py and configs; returns how many commands there were."""
    tools = Path(sys.executable).parent
    if shutil.which("segcli", path=str(tools)) is None:
        pytest.skip("segcli is not installed beside this Python; scripts/setup does it")
    for name in ("main.py", "configs"):
        (folder / name).symlink_to(REPOSITORY / name)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    commands = list(steps(text))
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return len(commands)
