"""Masks of another size than their image: scaled where the aspect ratio is the image's, or turned with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.headers import ImageHeader
from segcli.data.formats.labelme_fit import Size, is_same_aspect
from segcli.data.formats.masks import scan_lists
from segcli.data.image import image_header, upright
from segcli.data.lists import relative_name
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft, MaskEdit


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes each mask at the size of its image, with nearest neighbour; the ids stay the same."""
    named = {found.path for found in findings}
    lists = scan_lists(draft.root)
    images = {relative_name(sample.mask, draft.root): sample.image for sample in (*lists.train, *lists.val)}
    done: Counter[str] = Counter()
    for name in sorted(named & images.keys()):
        try:
            rows, columns = draft.ids(name).shape
            header = image_header(images[name])
        except InputError as fault:  # another rule reports it
            draft.left(rule, name, f"cannot be read as ids: {fault.message}; repair that first")
            continue
        change = _edit((columns, rows), header)
        if change is None:
            draft.left(rule, name, "its aspect ratio differs: it is the mask of another image")
            continue
        edit, what = change
        draft.mask(name).edits.append(edit)
        done[what] += 1
    for what, count in done.items():
        draft.done(rule, "masks", f"{what}: {counted(count, 'mask')}")


def _edit(old: Size, header: ImageHeader) -> tuple[MaskEdit, str] | None:
    """What makes a mask fit its image, and its name; None where nothing is sure to."""
    width, height = header.size
    if header.orientation > 1 and old == header.stored_size:
        return partial(upright, orientation=header.orientation), f"turned by EXIF orientation {header.orientation}"
    if is_same_aspect(old, header.size):
        return partial(scaled, size=header.size), f"{old[0]} x {old[1]} px scaled to {width} x {height} px"
    return None


def scaled(ids: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A mask [H, W] at another width and height in pixels; no id is new."""
    return np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
