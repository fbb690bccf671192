"""The folder of imported third-party models, and how an exported model is found: by its name or around its folder."""

from __future__ import annotations

from pathlib import Path

from segcli.weights.cache import cache_folder
from segcli.weights.run_weights import BEST

MANIFEST = "inference.yml"
INSIDE = "inference"
"""Subfolder of the best weights with their export."""
_IN_BEST = Path(BEST) / INSIDE
_PLACES = (Path(), Path(INSIDE), _IN_BEST)
"""Where an export is looked for: itself, in the folder of weights, in the folder of a training."""


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
    """The folder of the exported model in `given`, see `_PLACES`, or the imported model of that name.

    A run that was exported afterwards has its export beside the best weights instead of in them.

    `given` itself, or what it names, where there is no exported model.
    """
    folder = named_folder(given)
    places = [folder / place for place in _PLACES]
    if Path(*folder.parts[-2:]) == _IN_BEST:
        places.append(folder.parents[1] / INSIDE)
    return next((place for place in places if (place / MANIFEST).is_file()), folder)
