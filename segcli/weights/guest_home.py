"""Where imported models of other makers lie, and how one is found by its name."""

from __future__ import annotations

from pathlib import Path

from segcli.weights.official import cache_folder

MANIFEST = "inference.yml"


def guest_home() -> Path:
    """The folder of all of them: ``guests`` where downloaded weights are kept, see `cache_folder`."""
    return cache_folder() / "guests"


def guest_folders() -> list[Path]:
    """The folders of those that are there, in the order of their names."""
    home = guest_home()
    return sorted(path.parent for path in home.glob(f"*/{MANIFEST}")) if home.is_dir() else []


def named_folder(given: Path) -> Path:
    """The folder that is meant: the given one or, where there is none, that of the imported model of this name."""
    if given.parent != Path() or given.exists():
        return given
    kept = guest_home() / given.name
    return kept if (kept / MANIFEST).is_file() else given
