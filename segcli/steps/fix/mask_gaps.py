"""Ids with gaps: renumbered from 0; 255 stays the ignored value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import IGNORE_INDEX
from segcli.data.id_counts import count_ids
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import masks_of

NAMED = 12


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Renumbers the ids of all masks to 0, 1, 2, ... in their order."""
    counts = counts_of(draft)
    total: NDArray[np.int64] = sum(counts.values(), np.zeros(256, np.int64))
    used = [number for number in np.flatnonzero(total).tolist() if number != IGNORE_INDEX]
    renumber(draft, rule, counts, {old: number for number, old in enumerate(used)})


def lower(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Lowers every id by one, for masks whose ids begin at 1."""
    counts = counts_of(draft)
    renumber(draft, rule, counts, {old: old - 1 for old in range(1, IGNORE_INDEX)})


def renumber(draft: Draft, rule: str, counts: Mapping[str, NDArray[np.int64]], new: Mapping[int, int]) -> None:
    """Replaces ids in every mask that holds them; `new` maps old to new ids."""
    table = np.arange(256, dtype=np.uint8)
    for old, number in new.items():
        table[old] = number
    total: NDArray[np.int64] = sum(counts.values(), np.zeros(256, np.int64))
    moved = [old for old, number in new.items() if old != number and total[old]]
    changed = [name for name, amounts in counts.items() if amounts[moved].any()]
    for name in changed:
        draft.mask(name).edits.append(lambda ids: table[ids])
    if changed:
        moves = listed(moved, NAMED, name=lambda old: f"{old} becomes {new[old]}")
        draft.done(rule, "masks", f"{moves} in {counted(len(changed), 'mask')}")


def counts_of(draft: Draft) -> dict[str, NDArray[np.int64]]:
    """Pixels per id, int64 [256], by name of each mask that can be read as ids."""
    counts = {}
    for name in masks_of(draft):
        try:
            counts[name] = count_ids(draft.ids(name))
        except InputError:  # another rule reports it
            continue
    return counts
