"""Parses the location of a finding, and finds the masks and objects of a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from segcli.data.boxes import FAR_PX
from segcli.data.files import is_file
from segcli.data.formats.coco_references import plain_id
from segcli.data.id_counts import count_ids
from segcli.data.image import MaskFile, open_mask
from segcli.data.lists import split_line
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.json_file import JsonFile

_LINE = re.compile(r"(?P<file>\S+\.txt) line (?P<number>\d+)")
_IMAGE = re.compile(r"(?P<file>\S+\.json) image id (?P<number>\d+)")

Size = tuple[int, int]
"""Width and height in pixels."""


def line_of(found: Finding) -> tuple[str, int] | None:
    """List file and line number of a finding; None if it names no line."""
    return _place(_LINE, found)


def image_of(found: Finding) -> tuple[str, int] | None:
    """Annotation file and image id of a finding; None if it names no image."""
    return _place(_IMAGE, found)


def _place(pattern: re.Pattern[str], found: Finding) -> tuple[str, int] | None:
    match = pattern.search(found.location or "") or pattern.search(f"{found.path} {found.location}")
    return None if match is None else (match["file"], int(match["number"]))


def masks_of(draft: Draft) -> list[str]:
    """Masks that the lists name and that lie in the dataset, each once, in order."""
    names: dict[str, None] = {}
    for _, _, file in draft.list_files():
        for _, line in file.entries():
            pair = split_line(draft.root, line)
            name = pair[1].replace("\\", "/") if pair is not None else ""
            inside = bool(name) and not name.startswith("/") and ".." not in name.split("/")
            if inside and is_file(draft.root / name):
                names[name] = None
    return list(names)


def ids_in(draft: Draft, name: str) -> set[int]:
    """The ids of a mask after the edits so far; empty if it cannot be read as ids, which another rule reports."""
    try:
        return set(np.flatnonzero(count_ids(draft.ids(name))).tolist())
    except InputError:
        return set()


def mask_file(draft: Draft, name: str) -> MaskFile | None:
    """A mask as its file holds it; None if it cannot be read, which another rule reports."""
    try:
        return open_mask(draft.root / name)
    except InputError:
        return None


def objects_of(draft: Draft) -> Iterator[tuple[str, JsonFile, dict[str, Any], Size]]:
    """Name and draft of the annotation file, annotation and image size, for every annotation whose image has a size."""
    for _, name, file in draft.annotation_files():
        sizes = {
            image["id"]: (image["width"], image["height"])
            for image in file.content["images"]
            if isinstance(image, dict) and all(type(image.get(key)) is int for key in ("id", "width", "height"))
        }
        for entry in file.content["annotations"]:
            if isinstance(entry, dict) and type(entry.get("id")) is int and plain_id(entry.get("image_id")) in sizes:
                width, height = sizes[entry["image_id"]]
                if 0 < width < FAR_PX and 0 < height < FAR_PX:  # the same limit as in the check (C119)
                    yield name, file, entry, (width, height)
