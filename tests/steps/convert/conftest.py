"""What the tests of conversions share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results go into `output` of the current folder: each test has one, as tests run at the same time."""
    monkeypatch.chdir(tmp_path_factory.mktemp("current"))
