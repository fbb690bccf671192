"""No share of anything is lost."""

from __future__ import annotations

import pytest

from segcli.data.splits.ratios import Shares, divide
from segcli.errors import ConfigError


@pytest.mark.parametrize(
    ("total", "percent", "counts"),
    [
        (45, 90, {(41, 4), (40, 5)}),
        (5, 90, {(4, 1)}),
        (5, 50, {(3, 2), (2, 3)}),
        (5, 10, {(1, 4)}),
        (2, 99, {(1, 1)}),
        (1, 90, {(1, 0)}),
        (1, 10, {(0, 1)}),
        (10, 100, {(10, 0)}),
        (10, 0, {(0, 10)}),
        (0, 80, {(0, 0)}),
    ],
)
def test_counts(total, percent, counts):
    train, val = divide(range(total), Shares(percent, 100 - percent), 0)
    assert (len(train), len(val)) in counts
    assert sorted(train + val) == list(range(total))


def test_a_seed_is_a_division():
    items, shares = list(range(50)), Shares(80, 20)
    assert divide(items, shares, 1) == divide(items, shares, 1)
    assert divide(items, shares, 1) != divide(items, shares, 2)


def test_each_part_keeps_the_order():
    train, val = divide(range(50), Shares(60, 40), 3)
    assert (train, val) == (sorted(train), sorted(val))


def test_with_a_key_the_order_of_the_items_does_not_matter():
    items, shares = list(range(50)), Shares(60, 40)
    train, val = divide(items, shares, 3, key=str)
    again = divide(val + train, shares, 3, key=str)
    assert (sorted(again[0]), sorted(again[1])) == (train, val)


@pytest.mark.parametrize(
    ("percents", "faults"),
    [
        ((80, 10), ["CheckDataset.split"]),
        ((None, 20), ["CheckDataset.split.train_percent"]),
        ((None, None), ["CheckDataset.split.train_percent", "CheckDataset.split.val_percent"]),
    ],
)
def test_shares_that_make_no_division(percents, faults):
    with pytest.raises(ConfigError) as caught:
        Shares.checked(*percents)
    assert [fault.key for fault in caught.value.faults] == faults
