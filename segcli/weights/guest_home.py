"""The folder of imported third-party models, and how one is found by its name."""

from __future__ import annotations

from pathlib import Path

from segcli.weights.cache import cache_folder

MANIFEST = "inference.yml"


def guest_home() -> Path:
    """The folder of all imported models: ``guests`` in the cache, see `cache_folder`."""
    return cache_folder() / "guests"


def guest_folders() -> list[Path]:
    """The folders of the imported models, sorted by name."""
    home = guest_home()
    return sorted(path.parent for path in home.glob(f"*/{MANIFEST}")) if home.is_dir() else []


def named_folder(given: Path) -> Path:
    """Resolves a folder: `given` or, if it is a bare name that does not exist, the imported model of that name."""
    if given.parent != Path() or given.exists():
        return given
    kept = guest_home() / given.name
    return kept if (kept / MANIFEST).is_file() else given
