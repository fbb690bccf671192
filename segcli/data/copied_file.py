"""A file that does not come from this disk, copied to it for as long as it is used."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segcli.data.foreign_content import HEIF_BRANDS

HEAD_BYTES = 4096
"""First bytes of a content that tell what it is."""
_SUFFIXES = ((b"%PDF", ".pdf"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"II+\0", ".tif"), (b"MM\0+", ".tif"))
"""First bytes of files of several pages, and the suffix by which they are opened."""
_BOX_TYPE, _BRAND = slice(4, 8), slice(8, 12)


@dataclass(frozen=True)
class CopiedFile:
    """A file that is deleted once nobody holds this.

    Attributes:
        path: The copy, with a suffix that fits its content.
    """

    path: Path


def copied(name: str, head: bytes, rest: Iterable[bytes]) -> CopiedFile:
    """Copies a content into a temporary folder.

    Args:
        name: Name of the file without suffix.
        head: The first bytes, at least `HEAD_BYTES` where there are so many.
        rest: What follows.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"segcli-{name}-"))
    file = CopiedFile(folder / f"{name}{suffix_of(head)}")
    weakref.finalize(file, shutil.rmtree, folder, ignore_errors=True)
    with file.path.open("wb") as target:
        target.write(head)
        target.writelines(rest)
    return file


def suffix_of(head: bytes) -> str:
    """The suffix by which a file of several pages or a video is opened; empty for anything else."""
    if head[_BOX_TYPE] == b"ftyp":
        return "" if head[_BRAND] in HEIF_BRANDS else ".mp4"
    return next((suffix for begin, suffix in _SUFFIXES if head.startswith(begin)), "")
