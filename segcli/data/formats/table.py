"""The one table of annotation formats; packages that are installed beside segcli may add rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from segcli.data.formats.coco_format import COCO
from segcli.data.formats.format import Format
from segcli.data.formats.labelme_format import LABELME
from segcli.data.formats.masks_format import MASKS
from segcli.data.formats.voc_format import VOC
from segcli.data.formats.yolo_format import YOLO
from segcli.errors import UsageError
from segcli.plug_ins import plug_ins

FORMATS: dict[str, Format] = {row.name: row for row in (COCO, YOLO, VOC, LABELME, MASKS)}
"""Formats by name, in the order in which they are tried on a folder: the most reliably recognised first."""

PLUGINS = "segcli.formats"
"""Entry point group for formats of other packages; each entry point is a `Format`."""


@lru_cache(maxsize=1)
def formats() -> dict[str, Format]:
    """All formats by name: those of segcli, then those of installed packages.

    Raises:
        UsageError: An entry point of a package is not a `Format`, or its name is already used.
    """
    found = dict(FORMATS)
    for point in plug_ins(PLUGINS):
        row = point.load()
        if not isinstance(row, Format):
            raise UsageError(f"the entry point {point.value} is not a Format", hint=f"see {PLUGINS} in the docs")
        if row.name in found:
            raise UsageError(f"the entry point {point.value} defines a format that already exists: {row.name}")
        found[row.name] = row
    return found


def format_named(name: str) -> Format:
    """Looks up a format by name.

    Raises:
        UsageError: There is no such format.
    """
    if name not in formats():
        raise UsageError(f"there is no format {name!r}", hint=f"formats: {', '.join(formats())}")
    return formats()[name]


def formats_in(folder: Path) -> Iterator[tuple[Format, Path]]:
    """Formats whose datasets lie in or below a folder, each with the dataset folder; the most reliable first."""
    for row in formats().values():
        root = row.find(folder)
        if root is not None:
            yield row, root
