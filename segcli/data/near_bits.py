"""Pairs of 64-bit values that differ in few bits, found without comparing all.

Where at most 6 of 64 bits differ, at least 2 of 8 bytes are equal, so that sorting by each of the 28 pairs of bytes
brings the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 6
"""Bits in which the values of a pair differ at most."""

_ODD, _PAIRS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
_FOURS, _BYTES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
_FEW = 200
"""Up to here all pairs are compared, which is then faster than sorting by bytes."""
_NEIGHBOURS = 32
"""Largest distance in a sorted list of values that are compared; in a crowd of like ones these are enough. Of a million
values by chance fifteen have the same two bytes."""
_EQUAL = 8
"""The same of values that are equal in all bits: in a crowd of these fewer are enough."""
_AT_ONCE = 1 << 20
"""Pairs, found once or several times, that wait to be put in order."""

Pairs = NDArray[np.int64]
"""Positions, [pairs, 2]."""
Places = NDArray[np.int64]


def near_pairs(bits: NDArray[np.uint64], in_val: NDArray[np.bool_]) -> Pairs:
    """Pairs of positions, the smaller first, whose values differ in at most `MOST_BITS`.

    Args:
        bits: The values.
        in_val: The two parts of them; pairs across these are found in crowds too.
    """
    if len(bits) <= _FEW:
        ones, others = np.triu_indices(len(bits), k=1)
        near = _differing(bits[ones], bits[others]) <= MOST_BITS
        return np.stack([ones[near], others[near]], axis=1)
    by_value = np.argsort(bits, kind="stable")
    bits, in_val = bits[by_value], in_val[by_value]
    found, waiting = np.empty(0, np.int64), list[NDArray[np.int64]]()
    for one, other in combinations(bits.view(np.uint8).reshape(len(bits), -1).T, 2):
        keys = one.astype(np.uint16) << np.uint16(8) | other
        order = np.argsort(keys, kind="stable")  # two bytes are sorted by counting
        sorted_bits = bits.take(order)
        places = by_value[order]
        for ones, others in _beside(keys.take(order), sorted_bits, in_val, order):
            near = _differing(sorted_bits[ones], sorted_bits[others]) <= MOST_BITS
            pair = places[ones[near]], places[others[near]]
            waiting.append(np.minimum(*pair) * len(bits) + np.maximum(*pair))
        if sum(map(len, waiting)) > max(len(found), _AT_ONCE):
            found, waiting = np.unique(np.concatenate([found, *waiting])), []
    return np.stack(np.divmod(np.unique(np.concatenate([found, *waiting])), len(bits)), axis=1)


def _beside(
    keys: NDArray[np.uint16], bits: NDArray[np.uint64], in_val: NDArray[np.bool_], order: Places
) -> Iterator[tuple[Places, Places]]:
    """Places of equal keys near each other in a sorted list, in which values are in this order; of crowds also of each
    value of val and the values of train before and after."""
    first = np.flatnonzero(keys[:-1] == keys[1:])
    for step in range(1, _NEIGHBOURS + 1):
        if step > 1:  # values equal to one further away are equal to the next one, too
            first = first[: np.searchsorted(first, len(keys) - step)]
            first = first[keys[first] == keys[first + step]]
        chosen = first if step <= _EQUAL else first[bits[first] != bits[first + step]]
        yield chosen, chosen + step
        if not len(first):
            return
    places, in_val = np.arange(len(keys)), in_val[order]
    before = np.maximum.accumulate(np.where(in_val, -1, places))
    after = np.minimum.accumulate(np.where(in_val, len(keys), places)[::-1])[::-1]
    for partner in (before, after):
        known = np.flatnonzero(in_val & (partner >= 0) & (partner < len(keys)))
        known = known[keys[known] == keys[partner[known]]]
        yield known, partner[known]


def _differing(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[Any]:
    """How many bits differ."""
    return _COUNT(one ^ other)


def _counted(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """How many bits are set, counted in pairs, fours and bytes, which are summed by the product."""
    bits = bits - ((bits >> np.uint64(1)) & _ODD)
    bits = (bits & _PAIRS) + ((bits >> np.uint64(2)) & _PAIRS)
    bits = (bits + (bits >> np.uint64(4))) & _FOURS
    return (bits * _BYTES) >> np.uint64(56)


_COUNT: Callable[[NDArray[np.uint64]], NDArray[Any]] = getattr(np, "bitwise_count", _counted)
"""NumPy's own from version 2 on, in a tenth of the time."""
