"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["SEGCLI_OFFLINE"] = "1"

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_path(relative: str) -> Path:
    """A file or folder of the shared references and real data; skips the test where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"shared/{relative} is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def shared():
    """`shared("data/SEG")` gives the path, or skips the test where it is absent."""
    return shared_path
