"""The recipes of `docs/`: each is followed as it stands in a copy of segcli, and what it says comes out.

A recipe touches one file beside the new ones: the table that takes the row. That of a format is in
`tests/steps/convert/test_plugins.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("add_a_metric", "add_a_model", "add_a_rule", "add_a_runtime")
FILE = re.compile(r"^`(\S+)`:\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^Row in `(\S+)`, at the end of `(\w+)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^prints\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


def with_row(text: str, table: str, row: str) -> str:
    """A module with a row, and the imports before it, added to one of its tables."""
    imports = "".join(re.findall(r"^from .*\n", row, re.MULTILINE))
    entry = row.removeprefix(imports).strip()
    start = re.search(rf"^{table}\b.* = \($", text, re.MULTILINE)
    assert start is not None
    end = text.index("\n)\n", start.end())
    text = f"{text[:end]}\n{entry},{text[end:]}"
    return text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n\n{imports}", 1)


def recipes_of(text: str) -> list[str]:
    """The recipes of a page; each ends with what its program prints."""
    ends = [found.end() for found in PRINTS.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of segcli."""
    shutil.copytree(ROOT / "segcli", tmp_path / "segcli", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_recipe_is_followed(page: str, copied: Path) -> None:
    recipes = recipes_of((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    assert recipes
    for recipe in recipes:
        files = dict(FILE.findall(recipe))
        program = files.pop("try_it.py")
        if "import onnx" in program:
            pytest.importorskip("onnx", reason="the package onnx is not installed, as where paddle2onnx has no wheel")
        ((table, name, row),) = ROW.findall(recipe)
        assert files
        for file, content in files.items():
            assert not (copied / file).exists()
            (copied / file).write_text(content, encoding="utf-8")
        changed = copied / table
        changed.write_text(with_row(changed.read_text(encoding="utf-8"), name, row), encoding="utf-8")

        environment = {**os.environ, "PYTHONPATH": str(copied)}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=copied, env=environment, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        (expected,) = PRINTS.findall(recipe)
        assert done.stdout.splitlines()[-len(expected.splitlines()) :] == expected.splitlines()


def test_the_code_of_the_recipes_passes_the_style_check(copied: Path) -> None:
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        for file, content in FILE.findall(text):
            if file.startswith("segcli/") and file.endswith(".py"):
                (copied / file).write_text(content, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "segcli"],
        cwd=copied,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
