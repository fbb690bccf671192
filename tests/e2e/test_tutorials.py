"""The commands of the documentation's tutorials, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.markdown_commands import REPOSITORY, run_page

PAGES = ("first_steps.md", "tutorials/semantic.md", "tutorials/instance.md", "tutorials/promptable.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_tutorial_works(page: str, tmp_path: Path):
    assert run_page((REPOSITORY / "docs" / page).read_text(encoding="utf-8"), tmp_path) > 5
