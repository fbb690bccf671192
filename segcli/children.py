"""The environment of the Python processes that segcli starts: they find the same segcli, installed or not."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1]


def child_environment(**values: str) -> dict[str, str]:
    """This process's environment with the folder that holds segcli first on `PYTHONPATH`, and `values` in it."""
    paths = [str(_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **values}
