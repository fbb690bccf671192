"""Masks of more than 8 bits: converted to 8 bits if the ids fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.decoders import decode_values
from segcli.data.image import MaskFile
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import mask_file, masks_of

_MOST_KEPT_BITS = 16
_SCALE = 257
"""Factor from an 8-bit value to the 16-bit value of the same brightness."""


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes one channel of 8 bits."""
    named = {found.path for found in findings}
    repaired: Counter[str] = Counter()
    for name in masks_of(draft):
        file = mask_file(draft, name) if name in named else None
        if file is None or file.array.ndim != 2 or file.array.dtype == np.uint8:
            continue
        if file.header.bits > _MOST_KEPT_BITS and not _are_whole(draft.root / name, file):
            draft.left(rule, name, "its values are negative or fractions: they are measurements, not classes")
        elif int(file.array.max()) <= 255:
            draft.mask(name).read = _as_they_are
            repaired["same ids in 8 bits"] += 1
        elif not (file.array % _SCALE).any():
            draft.mask(name).read = _scaled_back
            repaired[f"ids divided by {_SCALE}, in 8 bits"] += 1
        else:
            reason = f"its values go up to {int(file.array.max())}: they are objects or measurements, not classes"
            draft.left(rule, name, reason)
    for what, count in repaired.items():
        draft.done(rule, "masks", f"{what}: {counted(count, 'mask')}")


def _are_whole(path: Path, file: MaskFile) -> bool:
    """Whether the values of a mask of 32 bits or more are whole numbers from 0, so that none was changed in reading."""
    return np.array_equal(decode_values(path.read_bytes(), file.header, name=path), file.array)


def _as_they_are(file: MaskFile) -> NDArray[np.uint8]:
    return file.array.astype(np.uint8)


def _scaled_back(file: MaskFile) -> NDArray[np.uint8]:
    return (file.array // _SCALE).astype(np.uint8)
