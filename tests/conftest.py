"""What every test may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from segcli.data import budget
from segcli.data.decoding import used_range
from tests.files import remove_shared_folders

os.environ["SEGCLI_OFFLINE"] = "1"
# a shell starts what runs in the background with these ignored, and its children too: tests send them
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_sessionfinish() -> None:
    """Workers of pytest-xdist end without the exit functions of Python."""
    remove_shared_folders()


def shared_path(relative: str) -> Path:
    """A file or folder of the shared references and real data; skips the test where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"shared/{relative} is not beside this checkout")
    return path


@pytest.fixture(autouse=True)
def usual_images(monkeypatch):
    """Every test begins with the usual range and limit of images, and leaves none behind."""
    for setting in (used_range.SETTING, budget.SETTING):
        monkeypatch.setenv(setting, "")
    used_range.current_range.cache_clear()
    budget.given_max_pixels.cache_clear()


@pytest.fixture(scope="session")
def shared():
    """`shared("data/SEG")` gives the path, or skips the test where it is absent."""
    return shared_path
