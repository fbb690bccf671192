"""The folder of imported third-party models, and how an exported model is found: by its name or around its folder."""

from __future__ import annotations

from pathlib import Path

from segcli.weights.cache import cache_folder

MANIFEST = "inference.yml"
INSIDE = "inference"
"""Subfolder of the best weights with their export."""


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


def exported_in(given: Path) -> Path:
    """The folder of the exported model: `given`, its subfolder `inference`, or the imported model of that name."""
    folder = named_folder(given)
    inside = folder / INSIDE
    return inside if not (folder / MANIFEST).is_file() and (inside / MANIFEST).is_file() else folder
