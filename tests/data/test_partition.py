"""Parts and folds: nothing lost, exact counts, groups whole, every class in its share."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segcli.data.splits.partition import Divisible, folds, largest_remainder, partition

WEIGHTS = st.lists(st.integers(0, 100), min_size=2, max_size=5).filter(any)


def images(count, classes=3, seed=0, groups=None):
    draw = random.Random(seed)
    return [
        Divisible(
            f"{number:04}.png",
            {own: draw.randint(1, 500) for own in range(classes) if draw.random() < 1 / (own + 1)},
            None if groups is None else f"g{number % groups}",
        )
        for number in range(count)
    ]


@given(st.integers(0, 500), WEIGHTS)
@settings(max_examples=100, deadline=None)
def test_counts_are_as_near_as_whole_numbers_get(total, weights):
    counts = largest_remainder(total, weights)
    with_share = sum(weight > 0 for weight in weights)
    assert sum(counts) == total
    assert all(count >= (weight > 0) for count, weight in zip(counts, weights, strict=True)) or total < with_share
    assert all(count == 0 for count, weight in zip(counts, weights, strict=True) if weight == 0)
    for count, weight in zip(counts, weights, strict=True):
        # one for a part that would be empty comes from the largest
        assert abs(count - total * weight / sum(weights)) < 1 + with_share


@given(st.integers(0, 60), WEIGHTS, st.integers(0, 3), st.booleans())
@example(total=2, weights=[1, 1, 5], seed=0, stratified=True)
@settings(max_examples=60, deadline=None)
def test_every_image_is_in_one_part_and_counts_are_exact(total, weights, seed, stratified):
    parts = partition(images(total), weights, seed, stratified=stratified)
    assert sorted(number for part in parts for number in part) == list(range(total))
    assert [len(part) for part in parts] == largest_remainder(total, weights)


@given(st.integers(1, 60), st.integers(1, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_groups_stay_whole(total, groups, stratified):
    own = images(total, groups=groups)
    parts = partition(own, [80, 20], 0, stratified=stratified)
    train, val = ({own[number].group for number in part} for part in parts)
    assert not train & val
    assert sorted(number for part in parts for number in part) == list(range(total))


def test_groups_come_near_the_counts():
    parts = partition(images(100, groups=20), [70, 20, 10], 0)
    assert [len(part) for part in parts] == [70, 20, 10]


def test_the_order_of_the_images_does_not_matter():
    own = images(40)
    turned = own[::-1]
    for stratified in (False, True):
        parts = partition(own, [75, 25], 4, stratified=stratified)
        again = partition(turned, [75, 25], 4, stratified=stratified)
        assert [{own[n].name for n in part} for part in parts] == [{turned[n].name for n in part} for part in again]
        assert parts != partition(own, [75, 25], 5, stratified=stratified)


def far_off(own, parts, shares):
    """The largest difference between what a part has of a class and its share."""
    worst = 0.0
    for class_id in {key for image in own for key in image.amounts}:
        whole = sum(image.amounts.get(class_id, 0) for image in own)
        for part, share in zip(parts, shares, strict=True):
            worst = max(worst, abs(sum(own[n].amounts.get(class_id, 0) for n in part) / whole - share))
    return worst


def test_every_part_gets_its_share_of_every_class():
    own = images(200, classes=6)
    shares, weights = [0.7, 0.2, 0.1], [70, 20, 10]
    stratified = far_off(own, partition(own, weights, 0, stratified=True), shares)
    by_chance = [far_off(own, partition(own, weights, seed), shares) for seed in range(10)]
    assert stratified < 0.045 < min(by_chance)


def test_a_class_of_two_images_is_in_both_parts():
    own = [Divisible(f"{n}", {0: 10, **({7: 5} if n in (3, 8) else {})}) for n in range(40)]
    for seed in range(5):
        parts = partition(own, [80, 20], seed, stratified=True)
        assert all({3, 8} & set(part) for part in parts)


def test_folds_are_disjoint_whole_and_stratified():
    own = images(50, classes=4)
    found = folds(own, 5, 1)
    assert sorted(n for fold in found for n in fold) == list(range(50))
    assert [len(fold) for fold in found] == [10] * 5
    assert far_off(own, found, [0.2] * 5) < 0.08
    grouped = images(30, groups=6)
    assert {len({grouped[n].group for n in fold}) for fold in folds(grouped, 3, 0)} == {2}


@pytest.mark.parametrize(("total", "count"), [(3, 4), (5, 1), (0, 2)])
def test_folds_need_an_image_each(total, count):
    with pytest.raises(ValueError, match="cannot be split"):
        folds(images(total), count, 0)
    with pytest.raises(ValueError, match="3 images or groups"):
        folds(images(30, groups=3), 4, 0)


def test_a_part_gets_a_group_where_there_are_enough():
    """Groups that are larger than the share of a part would leave it empty."""
    images = [Divisible(f"{group}{number}", {}, group) for group in "ab" for number in range(16)]
    train, val = partition(images, [80, 20], 0)
    assert (len(train), len(val)) == (16, 16)
    train, val, test = partition([*images, Divisible("c", {}, "c")], [80, 10, 10], 0)
    assert min(map(len, (train, val, test))) >= 1 and sum(map(len, (train, val, test))) == 33
    assert {len(part) for part in partition(images[:16], [80, 20], 0)} == {0, 16}
