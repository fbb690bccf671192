"""The README's own commands, run as they stand there."""

from __future__ import annotations

import re

from tests.markdown_commands import REPOSITORY, run_page

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_command_of_the_readme_works(tmp_path):
    assert run_page(README, tmp_path) > 8
    assert list((tmp_path / "results").iterdir())


def test_every_script_and_file_that_it_names_exists():
    named = set(re.findall(r"\b(?:scripts|configs|docs|segcli)/[\w./-]+\w", README))
    named -= {path for path in named if "*" in path}
    missing = sorted(path for path in named if not (REPOSITORY / path).exists() and "*" not in path)
    assert missing == []
