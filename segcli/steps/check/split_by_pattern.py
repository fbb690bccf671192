"""The command that splits a dataset anew by a part of the images' names."""

from __future__ import annotations

from pathlib import Path
from shlex import quote


def split_by_pattern(root: Path, pattern: str) -> str:
    """What to type so that images whose names have the same match of a regular expression are in one split."""
    return f"segcli split {quote(str(root))} --group-pattern {quote(pattern)} --yes"
