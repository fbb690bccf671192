"""The README's own commands, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
NOT_HERE = ("source ", "scripts/")
"""The environment is this one; scripts/test is what runs these tests, scripts/demo does at length what they do."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def shell_commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(NOT_HERE)]


def test_every_command_of_the_readme_works(tmp_path):
    tools = Path(sys.executable).parent
    if shutil.which("segcli", path=str(tools)) is None:
        pytest.skip("segcli is not installed beside this Python; scripts/setup does it")
    for name in ("main.py", "configs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    commands = [["bash", "-c", command] for command in shell_commands()]
    commands += [[sys.executable, "-c", block] for block in blocks("python")]
    assert len(commands) > 8
    for command in commands:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    assert list((tmp_path / "results").iterdir())


def test_every_script_and_file_that_it_names_exists():
    named = set(re.findall(r"\b(?:scripts|configs|docs|segcli)/[\w./-]+\w", README))
    named -= {path for path in named if "*" in path}
    missing = sorted(path for path in named if not (REPOSITORY / path).exists() and "*" not in path)
    assert missing == []
