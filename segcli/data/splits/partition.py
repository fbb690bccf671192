"""Splits images into parts or folds: at random, stratified by class, and with groups kept whole.

Pure functions of names, class amounts and groups; the same input and seed give the same parts, whatever the order.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Divisible:
    """One image that is put into a part.

    Attributes:
        name: Unlike for all images.
        amounts: What it has of each class: pixels or objects, by class id.
        group: Images of one group stay in one part; None is an image on its own.
    """

    name: str
    amounts: Mapping[int, int] = field(default_factory=dict)
    group: str | None = None


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Whole counts in proportion to weights that add up to `total`.

    A part with a weight gets at least one where there are enough for all of them.

    >>> largest_remainder(10, [80, 10, 10])
    [8, 1, 1]
    """
    whole = sum(weights)
    counts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda part: -(total * weights[part] % whole))
    for part in by_remainder[: total - sum(counts)]:
        counts[part] += 1
    if total >= sum(weight > 0 for weight in weights):
        for part, weight in enumerate(weights):
            if weight and not counts[part]:
                counts[counts.index(max(counts))] -= 1
                counts[part] = 1
    return counts


def partition(
    images: Sequence[Divisible], weights: Sequence[int], seed: int, *, stratified: bool = False
) -> list[list[int]]:
    """The positions in `images` that each part gets, in order; every image is in exactly one part.

    Without groups the counts of images are exact (largest remainder); groups are not broken for that.

    Args:
        images: What is split.
        weights: Share of each part, such as percentages.
        seed: Of the shuffle.
        stratified: Whether each part gets its share of every class too.
    """
    counts = largest_remainder(len(images), weights)
    order = sorted(range(len(images)), key=lambda number: images[number].name)
    random.Random(seed).shuffle(order)
    if not stratified and all(image.group is None for image in images):
        ends = [sum(counts[: part + 1]) for part in range(len(counts))]
        return [sorted(order[end - count : end]) for end, count in zip(ends, counts, strict=True)]
    filling = _Filling(_units(images, order, stratified=stratified), weights, counts)
    return [sorted(part) for part in filling.parts()]


def folds(images: Sequence[Divisible], count: int, seed: int, *, stratified: bool = True) -> list[list[int]]:
    """The positions in `images` that each of `count` folds validates on; it trains on all others.

    Raises:
        ValueError: There are fewer images, or groups of them, than folds.
    """
    units = len({(image.group is None, image.group or image.name) for image in images})
    if not 2 <= count <= units:
        raise ValueError(f"{units} images or groups of them cannot be split into {count} folds of one or more")
    return partition(images, [1] * count, seed, stratified=stratified)


@dataclass(frozen=True)
class _Unit:
    """Images that stay together."""

    members: tuple[int, ...]
    amounts: Mapping[int, int]


def _units(images: Sequence[Divisible], order: Sequence[int], *, stratified: bool) -> list[_Unit]:
    """Groups and single images, in a shuffled order."""
    members: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for number in order:
        image = images[number]
        members[image.group is None, image.group or image.name].append(number)
    units = []
    for together in members.values():
        amounts: dict[int, int] = defaultdict(int)
        for number in together if stratified else ():
            for class_id, amount in images[number].amounts.items():
                amounts[class_id] += amount
        units.append(_Unit(tuple(together), {key: amount for key, amount in amounts.items() if amount > 0}))
    return units


class _Filling:
    """Iterative stratification: the rarest class first, each unit to the part that lacks most of that class.

    Source: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011,
    algorithm 1; here with amounts instead of presence, with units of several images, and with exact counts.

    Args:
        units: What is split.
        weights: Share of each part.
        counts: Images that each part is to hold.
    """

    def __init__(self, units: Sequence[_Unit], weights: Sequence[int], counts: Sequence[int]) -> None:
        self._units = units
        self._counts = counts
        self._room = list(counts)
        self._parts: list[list[int]] = [[] for _ in counts]
        """Positions in `units` that each part holds."""
        self._with: dict[int, list[int]] = defaultdict(list)
        for number, unit in enumerate(units):
            for class_id in unit.amounts:
                self._with[class_id].append(number)
        self._wanted = {class_id: self._shares(class_id, weights) for class_id in self._with}

    def parts(self) -> list[list[int]]:
        """The members of each part."""
        left = dict.fromkeys(range(len(self._units)))
        remaining = {class_id: len(numbers) for class_id, numbers in self._with.items()}
        while remaining:
            rarest = min(remaining, key=lambda class_id: (remaining[class_id], class_id))
            del remaining[rarest]
            own = [number for number in self._with[rarest] if number in left]
            for number in sorted(own, key=lambda number: -self._units[number].amounts[rarest]):
                del left[number]
                self._put(number, rarest)
                for class_id in self._units[number].amounts:
                    if class_id in remaining:
                        remaining[class_id] -= 1
        for number in sorted(left, key=lambda number: -len(self._units[number].members)):
            self._put(number, None)
        self._fill_empty()
        return [[image for number in part for image in self._units[number].members] for part in self._parts]

    def _fill_empty(self) -> None:
        """Gives each part that is to hold images a unit, the smallest of the part that has most, which keeps one."""
        for part, count in enumerate(self._counts):
            most = max(self._parts, key=len)
            if count and not self._parts[part] and len(most) > 1:
                smallest = min(most, key=lambda number: len(self._units[number].members))
                most.remove(smallest)
                self._parts[part].append(smallest)

    def _shares(self, class_id: int, weights: Sequence[int]) -> list[float]:
        """What each part should get of a class: of one that few images show, one image's worth at least."""
        amount = sum(self._units[number].amounts[class_id] for number in self._with[class_id])
        least = 1 / len(self._with[class_id])
        shares = [max(weight / sum(weights), least) if weight else 0.0 for weight in weights]
        return [amount * share / sum(shares) for share in shares]

    def _put(self, number: int, class_id: int | None) -> None:
        unit = self._units[number]
        size = len(unit.members)
        fitting = [part for part, room in enumerate(self._room) if room >= size] or list(range(len(self._room)))
        lack = self._wanted[class_id] if class_id is not None else [0.0] * len(self._room)
        chosen = max(fitting, key=lambda part: (lack[part], self._room[part]))
        self._parts[chosen].append(number)
        self._room[chosen] -= size
        for own, amount in unit.amounts.items():
            self._wanted[own][chosen] -= amount
