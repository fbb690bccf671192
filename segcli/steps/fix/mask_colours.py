"""Masks in colour: each colour becomes the id of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.class_files import read_class_names
from segcli.data.image import MaskFile, read_image
from segcli.data.palette import voc_palette
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import mask_file, masks_of

MOST_COLOURS = 255
_IGNORED = 0xE0E0C0
Codes = NDArray[np.uint32]
"""Colours as one number, 0xRRGGBB, [H, W]."""


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Assigns every colour an id: VOC's if all colours are in its palette, else in order of the colour values."""
    named = {found.path for found in findings}
    files = {name: mask_file(draft, name) for name in masks_of(draft) if name in named}
    masks = [name for name, file in files.items() if file is not None]
    greys = [name for name, file in files.items() if file is not None and _is_grey(file)]
    for name in greys:
        draft.mask(name).read = _one_channel
    if greys:
        draft.done(rule, "masks", f"one of equal channels kept: {counted(len(greys), 'mask')}")
    coloured = [name for name in masks if name not in set(greys)]
    if coloured:
        _repair_coloured(draft, rule, coloured)


def _repair_coloured(draft: Draft, rule: str, masks: Sequence[str]) -> None:
    amounts: Counter[int] = Counter()
    for name in masks:
        values, counts = np.unique(_codes(draft.root / name), return_counts=True)
        amounts.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        if len(amounts) > MOST_COLOURS:
            reason = f"there are more than {MOST_COLOURS} colours: the masks were blurred, or are not masks"
            draft.left(rule, name, reason)
            return
    source, _ = read_class_names(draft.root)
    ids = _ids(sorted(amounts), len(source.names) if source is not None else None)
    for name in masks:
        draft.mask(name).read = partial(_by_colour, path=draft.root / name, ids=ids)
    changes = listed([f"#{colour:06x} becomes {number}" for colour, number in ids.items()], 12)
    draft.done(rule, "masks", f"{changes}: {counted(len(masks), 'mask')}")


def _ids(colours: Sequence[int], classes: int | None) -> dict[int, int]:
    voc = {(red << 16) | (green << 8) | blue: code for code, (red, green, blue) in enumerate(voc_palette().tolist())}
    known = [voc.get(colour, 256) for colour in colours if colour != _IGNORED]
    if max(known, default=256) < (classes or 21):
        ids = {colour: voc[colour] for colour in colours if colour != _IGNORED}
    else:
        # black is what is not painted; without it the first id stays free for a background
        first = 0 if 0 in colours else 1
        ids = {colour: first + number for number, colour in enumerate(c for c in colours if c != _IGNORED)}
    return ids | ({_IGNORED: 255} if _IGNORED in colours else {})


def _codes(path: Path) -> Codes:
    red, green, blue = np.moveaxis(read_image(path).astype(np.uint32), -1, 0)
    codes: Codes = (red << 16) | (green << 8) | blue
    return codes


def _by_colour(_: MaskFile, *, path: Path, ids: Mapping[int, int]) -> NDArray[np.uint8]:
    codes = _codes(path)
    keys = np.array(sorted(ids), np.uint32)
    values = np.array([ids[key] for key in keys.tolist()], np.uint8)
    return values[np.searchsorted(keys, codes)]


def _is_grey(file: MaskFile) -> bool:
    array = file.array
    return array.ndim == 3 and array.dtype == np.uint8 and bool((array[..., :3] == array[..., :1]).all())


def _one_channel(file: MaskFile) -> NDArray[np.uint8]:
    channel: NDArray[np.uint8] = np.ascontiguousarray(file.array[..., 0])
    return channel
