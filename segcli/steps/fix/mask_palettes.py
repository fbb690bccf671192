"""Masks whose palettes order colours differently: one palette for all, so that a colour has one id."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PIL import Image

from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import ids_in, masks_of

Colour = tuple[int, int, int]
NAMED = 8


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Assigns each colour the id of the first mask that shows it if that is free, and changes all masks that differ."""
    colours = {name: found for name in masks_of(draft) if (found := _colours(draft, name))}
    ids: dict[Colour, int] = {}
    for own in colours.values():
        for old, colour in own.items():
            if colour not in ids:
                ids[colour] = old if old not in ids.values() else _free(ids)
    palette = [0] * 768
    for colour, number in ids.items():
        palette[3 * number : 3 * number + 3] = colour
    changed = [name for name, own in colours.items() if any(ids[colour] != old for old, colour in own.items())]
    for name in changed:
        table = np.arange(256, dtype=np.uint8)
        for old, colour in colours[name].items():
            table[old] = ids[colour]
        mask = draft.mask(name)
        mask.edits.append(partial(np.take, table))
        mask.palette = palette
    if changed:
        named = listed([f"#{r:02x}{g:02x}{b:02x} is {number}" for (r, g, b), number in ids.items()], NAMED)
        draft.done(rule, "masks", f"{named}: ids and palette of {counted(len(changed), 'mask')} changed to this")


def _free(ids: dict[Colour, int]) -> int:
    return next(number for number in range(256) if number not in ids.values())


def _colours(draft: Draft, name: str) -> dict[int, Colour]:
    """Colour of each id that a palette mask holds; none for other masks, and where two ids have one colour."""
    with Image.open(draft.root / name) as image:
        palette = image.getpalette() if image.mode == "P" else None
    used = sorted(ids_in(draft, name)) if palette is not None else []
    values = np.array(palette or [], np.uint8).reshape(-1, 3)
    if not used or used[-1] >= len(values):
        return {}
    own = {number: (int(values[number][0]), int(values[number][1]), int(values[number][2])) for number in used}
    return own if len(set(own.values())) == len(own) else {}
