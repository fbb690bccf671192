"""VOC label maps: scaled to the size of their images, and converted from colours to ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.formats.labelme_fit import is_same_aspect
from segcli.data.formats.voc_format import class_ids_of, object_numbers
from segcli.data.formats.voc_layout import Colour, VocLayout, VocSample, voc_layout
from segcli.data.image import MaskFile, image_size, open_mask
from segcli.data.lists import relative_name
from segcli.data.palette import voc_palette
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.mask_sizes import scaled


def resize(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Scales maps with the aspect ratio of their image to its size, with nearest neighbour."""
    named = {found.path for found in findings}
    layout = voc_layout(draft.root)
    for sample in layout.samples:
        name = relative_name(sample.class_map, draft.root)
        if name not in named or sample.image is None:
            continue
        size, old = image_size(sample.image), image_size(sample.class_map)
        if not is_same_aspect(old, size):
            draft.left(rule, name, "its aspect ratio differs: it is the map of another image")
            continue
        for path in _maps(sample):
            _number(draft, path, _colours(layout) if path == sample.class_map else None)
            draft.mask(relative_name(path, draft.root)).edits.append(partial(scaled, size=size))
        draft.done(rule, name, f"{old[0]} x {old[1]} px scaled to {size[0]} x {size[1]} px")


def number(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Converts colours to ids with VOC's palette, by `labelmap.txt` or else by VOC's own colours."""
    layout = voc_layout(draft.root)
    samples = [sample for sample in layout.samples if sample.class_map.is_file()]
    for sample in samples:
        for path in _maps(sample):
            _number(draft, path, _colours(layout) if path == sample.class_map else None)
    draft.done(rule, layout.root.name, f"colours of {counted(len(samples), 'map')} written as ids with VOC's palette")


def _number(draft: Draft, path: Path, colours: Mapping[Colour, int] | None) -> None:
    """Makes the draft read a colour map as ids; `colours` is None for a map of objects."""
    if not open_mask(path).is_label_map:
        mask = draft.mask(relative_name(path, draft.root))
        mask.read = partial(_numbered, path=path, colours=colours)
        mask.palette = voc_palette().ravel().tolist()


def _colours(layout: VocLayout) -> Mapping[Colour, int]:
    """Class ids by colour, of `labelmap.txt`, else VOC's own."""
    return layout.colours or {_colour(row): number for number, row in enumerate(voc_palette()[: len(layout.names)])}


def _maps(sample: VocSample) -> list[Path]:
    return [path for path in (sample.class_map, sample.object_map) if path is not None and path.is_file()]


def _numbered(_file: MaskFile, path: Path, colours: Mapping[Colour, int] | None) -> NDArray[np.uint8]:
    return object_numbers(path) if colours is None else class_ids_of(path, colours)


def _colour(row: NDArray[np.uint8]) -> Colour:
    red, green, blue = (int(value) for value in row)
    return red, green, blue
