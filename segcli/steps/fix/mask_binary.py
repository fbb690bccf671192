"""Masks with the values 0 and 255: 255 becomes the id of the only class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from segcli.data.classes import IGNORE_INDEX
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import ids_in, masks_of


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Replaces 255 by the class id in every mask that holds only 0 and 255; by 1 if no mask has other ids."""
    ids = {name: ids_in(draft, name) for name in masks_of(draft)}
    classes = set().union(*ids.values()) - {0, IGNORE_INDEX} or {1}
    white = [name for name, own in ids.items() if IGNORE_INDEX in own and own <= {0, IGNORE_INDEX}]
    if len(classes) > 1:
        draft.left(rule, white[0], f"what is painted 255 may be any of the classes {listed(sorted(classes), 8)}")
        return
    (number,) = classes
    table = np.arange(256, dtype=np.uint8)
    table[IGNORE_INDEX] = number
    for name in white:
        draft.mask(name).edits.append(partial(np.take, table))
    if white:
        draft.done(rule, "masks", f"{IGNORE_INDEX} becomes {number} in {counted(len(white), 'mask')}")
