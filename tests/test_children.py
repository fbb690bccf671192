"""Processes that segcli starts find the same segcli, also where it is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import segcli
from segcli.children import child_environment

PACKAGE = Path(segcli.__file__).parent


def test_a_child_imports_this_segcli_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = [sys.executable, "-S", "-c", "import segcli; print(segcli.__file__)"]  # -S: without installed packages

    done = subprocess.run(
        command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, timeout=60, check=True
    )

    assert Path(done.stdout.strip()) == PACKAGE / "__init__.py"


def test_the_environment_is_this_one_with_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "own")
    monkeypatch.setenv("KEPT", "1")

    environment = child_environment(ADDED="2")

    assert environment["PYTHONPATH"].split(os.pathsep)[1:] == ["own"]
    assert (environment["KEPT"], environment["ADDED"]) == ("1", "2")


def test_only_one_module_knows_where_segcli_lies() -> None:
    assert [path.name for path in PACKAGE.rglob("*.py") if '"PYTHONPATH"' in path.read_text(encoding="utf-8")] == [
        "children.py"
    ]
