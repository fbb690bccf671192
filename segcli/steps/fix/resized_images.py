"""Images of another size than their entry says: outlines are scaled to images that were only resized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segcli.data.decoding.headers import ImageHeader
from segcli.data.formats.coco_objects import parse_object
from segcli.data.formats.coco_references import plain_id
from segcli.data.formats.labelme_fit import is_same_aspect
from segcli.data.image import image_header
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.normalised import scaled
from segcli.steps.fix.places import Size, image_of

Entry = dict[str, Any]


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the size of the file, and scales the outlines with it where the aspect ratio is the same."""
    files = {name: file for _, name, file in draft.annotation_files()}
    for found in findings:
        place = image_of(found)
        file = files.get(place[0]) if place is not None else None
        if place is None or file is None:
            continue
        entry = _entry(file.content["images"], place[1])
        objects = [one for one in file.content["annotations"] if isinstance(one, dict)]
        own = [one for one in objects if plain_id(one.get("image_id")) == place[1]]
        done = _fitted(entry, own, image_header_or_none(draft, found.path)) if entry is not None else None
        if done is None:
            draft.left(rule, found.path, "neither resized at the same aspect ratio nor width and height exchanged")
        else:
            file.is_changed = True
            draft.done(rule, found.path, done)


def image_header_or_none(draft: Draft, name: str) -> ImageHeader | None:
    """The header of an image of the dataset; None where it cannot be read, which another rule reports."""
    try:
        return image_header(draft.root / name)
    except InputError:
        return None


def _entry(images: Sequence[Any], image_id: int) -> Entry | None:
    return next((one for one in images if isinstance(one, dict) and plain_id(one.get("id")) == image_id), None)


def _fitted(entry: Entry, objects: Sequence[Entry], header: ImageHeader | None) -> str | None:
    """What was changed, for a message; None where nothing can be."""
    stated = (entry["width"], entry["height"])
    if header is None or not all(type(side) is int for side in stated):
        return None
    size, (width, height) = header.size, header.size
    if header.orientation < 5 and stated == (height, width) and all(_fits(one, size) for one in objects):
        message = "width and height exchanged, as the outlines fit the file"
    elif is_same_aspect(stated, size) and all(isinstance(one.get("segmentation"), list) for one in objects):
        factors = (width / stated[0], height / stated[1])
        if not all(scaled(one, factors) for one in objects if _is_outlined(one, stated)):
            return None
        message = f"outlines scaled from {stated[0]} x {stated[1]} to {width} x {height} px"
    else:
        return None
    entry["width"], entry["height"] = size
    return message


def _is_outlined(entry: Entry, size: Size) -> bool:
    parsed = parse_object(entry | {"id": 0}, 0, *size)
    return parsed.around is not None and not any(code in ("C124", "C125") for code, _ in parsed.faults)


def _fits(entry: Entry, size: Size) -> bool:
    around = parse_object(entry | {"id": 0}, 0, *size).around
    return around is None or (around[0] + around[2] <= size[0] + 1 and around[1] + around[3] <= size[1] + 1)
