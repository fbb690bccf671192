"""The one table of annotation formats; packages that are installed beside segcli may add rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from segcli.data.formats.coco_format import COCO
from segcli.data.formats.format import Format
from segcli.data.formats.labelme_format import LABELME
from segcli.data.formats.masks_format import MASKS
from segcli.data.formats.voc_format import VOC
from segcli.data.formats.yolo_format import YOLO
from segcli.errors import UsageError

FORMATS: dict[str, Format] = {row.name: row for row in (COCO, YOLO, VOC, LABELME, MASKS)}
"""Formats by name, in the order in which a folder is tried for them: what is told apart most surely comes first."""

PLUGINS = "segcli.formats"
"""Group of entry points of other packages; each is a `Format`."""


@lru_cache(maxsize=1)
def formats() -> dict[str, Format]:
    """All formats by name: those of segcli, then those of installed packages.

    Raises:
        UsageError: A package's entry point is no format, or takes the name of another.
    """
    found = dict(FORMATS)
    for point in entry_points(group=PLUGINS):
        row = point.load()
        if not isinstance(row, Format):
            raise UsageError(f"the entry point {point.value} is no Format", hint=f"see {PLUGINS} in the documentation")
        if row.name in found:
            raise UsageError(f"the entry point {point.value} gives a format that is there already: {row.name}")
        found[row.name] = row
    return found


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in formats():
        raise UsageError(f"there is no format {name!r}", hint=f"formats: {', '.join(formats())}")
    return formats()[name]


def formats_in(folder: Path) -> Iterator[tuple[Format, Path]]:
    """The formats whose datasets lie in a folder or below it, each with the dataset's folder; the surest first."""
    for row in formats().values():
        root = row.find(folder)
        if root is not None:
            yield row, root
