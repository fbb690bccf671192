"""Where segcli keeps what it downloads and imports."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where downloaded weights are kept: ``$SEGCLI_CACHE``, else ``segcli`` in the user's cache folder."""
    chosen = os.environ.get("SEGCLI_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segcli"
