"""The documentation builds, its links hold, and its generated pages tell all that there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import segcli
from docs.site.pages import pages
from segcli.cli.describe import describe
from segcli.config.keys import leaves
from segcli.models.names import MODEL_TASKS
from segcli.models.published import PUBLISHED
from segcli.rules import RULES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


def test_the_site_builds_and_its_links_hold(tmp_path: Path):
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: scripts/setup installs the extra docs")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    html = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("index.html")}
    assert len(html) > len(RULES)
    fetched = [
        (path, url) for path, text in html.items() for url in re.findall(r'<(?:script|link)[^>]+"(https?:[^"]+)"', text)
    ]
    assert not fetched, "a page fetches from elsewhere"


def test_every_key_is_in_the_reference(made: dict[str, str]):
    told = set(re.findall(r"^### (\S+) \{", made["reference/configuration.md"], flags=re.MULTILINE))
    assert told == set(leaves())
    assert "PydanticUndefined" not in made["reference/configuration.md"]


def test_every_option_is_in_the_reference(made: dict[str, str]):
    import typer

    from segcli.cli.main import main

    program = typer.main.get_command(main)
    described = describe(program, typer.Context(program))
    text = made["reference/commands.md"]
    for command in described["commands"]:
        section = text.partition(f"## segcli {command['name']}\n")[2].partition("\n## ")[0]
        assert section, command["name"]
        shown = [option["name"] for option in command["options"] if not option["hidden"]]
        assert [name for name in shown if f"`{name}`" not in section] == []


def test_every_function_rule_and_model_has_its_place(made: dict[str, str]):
    assert all(f"## segcli.{name}\n" in made["reference/python.md"] for name in segcli.__all__ if name[0] != "_")
    assert all(f"rules/{rule}.md" in made and f"({rule}.md)" in made["rules/index.md"] for rule in RULES)
    assert all(f"`{model}`" in made["models.md"] for model in MODEL_TASKS)
    assert set(PUBLISHED) <= set(MODEL_TASKS)


def test_every_key_of_paddlex_is_told(made: dict[str, str], shared):
    import json

    def keys(section: dict, prefix: str = ""):
        for name, value in section.items():
            yield from keys(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [f"{prefix}{name}"]

    stock = json.loads(shared("refs/paddlex_configs.json").read_text())
    theirs = {key for task in stock.values() for config in task.values() for key in keys(config)}
    known = made["reference/paddlex_keys.md"]
    missing = {key for key in theirs if key not in known and key.partition(".")[0] not in known}
    assert missing == set()
