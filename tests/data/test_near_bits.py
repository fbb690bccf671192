"""Near values are all found, and compared to few others."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data import near_bits
from segcli.data.near_bits import MOST_BITS, near_pairs


def brute_force(bits: np.ndarray) -> list[list[int]]:
    values = bits.tolist()
    return [
        [one, other]
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (values[one] ^ values[other]).bit_count() <= MOST_BITS
    ]


@pytest.mark.parametrize("counted", [near_bits._COUNT, near_bits._counted], ids=["NumPy's", "NumPy 1"])
@pytest.mark.parametrize("count", [0, 1, 150, 700])
def test_pairs_are_those_of_comparing_all(count, counted, monkeypatch):
    monkeypatch.setattr(near_bits, "_COUNT", counted)
    rng = np.random.default_rng(count)
    bits = rng.integers(0, 2**64, count, np.uint64)
    for place in range(0, count - 1, 5):  # neighbours of every distance around the limit
        flipped = rng.choice(64, place % (MOST_BITS + 3), replace=False)
        bits[place + 1] = bits[place] ^ np.uint64(sum(1 << int(bit) for bit in flipped))
    pairs = near_pairs(bits, rng.random(count) < 0.3)
    assert pairs.tolist() == brute_force(bits)
    assert count < 2 or len(pairs)


def test_most_values_of_a_crowd_find_a_near_one():
    """Frames of a camera that stands still: hundreds of values, each with hundreds of near ones."""
    rng = np.random.default_rng(0)
    bits = np.repeat(rng.integers(0, 2**64, 6, np.uint64), 300)
    for _ in range(3):
        bits ^= np.uint64(1) << rng.integers(0, 64, len(bits)).astype(np.uint64)
    in_val = rng.random(len(bits)) < 0.2
    pairs = near_pairs(bits, in_val)
    assert set(pairs.ravel()) == set(range(len(bits)))
    across = pairs[in_val[pairs[:, 0]] != in_val[pairs[:, 1]]]
    assert set(across[in_val[across]]) == set(np.flatnonzero(in_val))
    few = np.unique(pairs[:, 0] * len(bits) + pairs[:, 1])
    assert len(few) == len(pairs) < len(bits) ** 2 / 20


def test_in_a_crowd_each_value_of_val_finds_one_of_train():
    bits = np.full(3000, 77, np.uint64)
    in_val = np.zeros(3000, np.bool_)
    in_val[1000:1100] = True
    pairs = near_pairs(bits, in_val)
    across = pairs[in_val[pairs[:, 0]] != in_val[pairs[:, 1]]]
    assert set(across[in_val[across]]) == set(range(1000, 1100))


def test_crowd_of_equal_values_gives_a_few_pairs_of_each() -> None:
    pairs = near_pairs(np.full(1000, 12345, np.uint64), np.zeros(1000, np.bool_))
    assert sorted(pairs.tolist()) == [
        [one, one + step] for one in range(1000) for step in range(1, 9) if one + step < 1000
    ]
