"""The same image in another size or encoding, and images that differ little, found without comparing all pairs.

Each image leaves a signature of 64 bits and 16 x 16 px: a perceptual hash by its low frequencies (C. Zauner,
"Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2.1). Images whose bits nearly
agree are found by bands: where at most 6 of 64 bits differ, at least 3 of 9 bands are equal, so that sorting by each of
the 84 triples of bands brings the two together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import read_image
from segcli.errors import InputError

MOST_BITS = 6
"""Bits in which signatures of one image differ at most, after JPEG at quality 30 or half the size."""
SURELY_OTHER_BITS = 16
"""Signatures of images without relation differ in 32 bits, of one image after cropping or other light in fewer."""
MOST_DISTANCE = 0.25
"""Mean difference of the small images up to which two are near, in standard deviations of their grey values. Of 110,000
pairs of aerial, street, microscopy and other images none but frames of one video came below."""
SAME_DISTANCE = 0.6
"""The 99th percentile of the differences up to which two images are the same, likewise. Other sizes and encodings reach
0.57, neighbouring frames of a video begin at 0.8."""

_BANDS = (7, 7, 7, 7, 7, 7, 7, 7, 8)
_EQUAL_BANDS = len(_BANDS) - MOST_BITS
_ENOUGH = 4
"""Pixels per pixel of the square that halving leaves."""
_THUMB_PX = 16
THUMB_BYTES = _THUMB_PX**2
SIGNED_PX = 32
"""Side of the image that a signature is made of; larger ones are made small."""
LEAST_DECODED_PX = 2 * SIGNED_PX
"""Sides of a JPEG that is decoded small for a signature: at fewer pixels it differs from that of the same PNG."""
_COMPARED_PX = 24
_FINE, _COARSE = (0.6, 1.5), (1.0, 2.0)
"""Bands of detail in which grain is compared, by the deviations of two blurs in px: of equal sizes, of two sizes."""
_GRAINY = 0.4
"""Share of the pixels with detail in both images from which there is grain; JPEG at quality 10 leaves less."""
_SAME_GRAIN = 0.45
"""Agreement of the detail's signs below which images are two: of one image in two encodings it is 0.7 to 1 down to JPEG
at quality 30, in two sizes 0.5 to 1, of one scene with noise of its own in each image -0.03 to 0.4."""
_FLATTEST = 1.0
_AT_ONCE = 1 << 14
_BITS_SET = np.array([value.bit_count() for value in range(256)])
_FEW_IMAGES = 200
"""Up to here all pairs are compared, which is then faster than sorting by bands."""
_NEIGHBOURS = 8
"""How many images beside each other in a sorted band are compared; in a crowd of equal ones a few are enough."""

Pairs = NDArray[np.int64]
"""Positions, [pairs, 2]."""
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Signature:
    """What is kept of an image: 64 bits, and 16 x 16 grey values a byte each."""

    bits: int
    thumb: bytes


@dataclass(frozen=True)
class Match:
    """An image and the one that is nearest to it, by their positions; the distance is one of the small images."""

    image: int
    other: int
    distance: float


@dataclass(frozen=True)
class TurnedMatch(Match):
    """A match of which one image is mirrored or rotated; `turn` is the index in `TURNS`."""

    turn: int


Squares = NDArray[Any]
"""Square images, [..., side, side] or [side, side, 3] for the last two axes given to a turn."""


def _flipped(across: bool, down: bool, swapped: bool) -> Callable[[Squares], Squares]:
    def turn(images: Squares) -> Squares:
        images = images.swapaxes(1, 2) if swapped else images
        return images[:, :: -1 if down else 1, :: -1 if across else 1]

    return turn


TURNS: tuple[Callable[[Squares], Squares], ...] = tuple(
    _flipped(bool(bits & 1), bool(bits & 2), bool(bits & 4)) for bits in range(1, 8)
)
"""The seven ways to mirror or rotate square images [n, side, side, ...]."""


def signature_of(grey: NDArray[np.uint8]) -> Signature | None:
    """The signature of an image [H, W]; None for an image of a single colour, which has none."""
    small = _shrunk(grey, SIGNED_PX)
    thumb = cv2.resize(small, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA)
    if float(cv2.meanStdDev(thumb)[1].item()) < _FLATTEST:
        return None
    waves = cv2.dct(small.astype(np.float32))
    low = waves[:8, :8].ravel()
    low[0] = waves[8, 0]  # instead of the mean, which says nothing of the form
    ordered = np.sort(low)  # of 64 values 50 times faster than a partition
    bits = np.packbits(low > (ordered[31] + ordered[32]) / 2)
    return Signature(int.from_bytes(bits.tobytes(), "big"), thumb.tobytes())


def _shrunk(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image as a square, averaged; halved first while enough is left, which is nine times faster."""
    while min(image.shape[:2]) >= 2 * _ENOUGH * side:
        height, width = (size // 2 * 2 for size in image.shape[:2])
        halves = (width // 2, height // 2)
        image = np.asarray(cv2.resize(image[:height, :width], halves, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def is_same_image(one: Path, other: Path, turn: int | None = None) -> bool:
    """Whether two files show the same image, each in any size and encoding; both are decoded.

    With `turn`, an index in `TURNS`, the first one is mirrored or rotated before.
    """
    try:
        first, second = read_image(one), read_image(other)
    except InputError:
        return False
    if turn is not None:
        first = np.ascontiguousarray(TURNS[turn](first[None])[0])
    small = [_compared(rgb) for rgb in (first, second)]
    contrast = max(small[0].std(), _FLATTEST)
    near = np.percentile(np.abs(small[0] - small[1]), 99) <= SAME_DISTANCE * contrast
    return bool(near) and not _have_grain_of_their_own(first, second)


def _have_grain_of_their_own(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two images (RGB) of one scene are two exposures: both have noise, and not the same."""
    height, width = (min(sides) for sides in zip(one.shape[:2], other.shape[:2], strict=True))
    fine, coarse = _FINE if one.shape == other.shape else _COARSE
    details = []
    for rgb in (one, other):
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        if grey.shape != (height, width):
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        grey = grey.astype(np.float32)
        details.append(cv2.GaussianBlur(grey, (0, 0), fine) - cv2.GaussianBlur(grey, (0, 0), coarse))
    in_both = (np.abs(details[0]) > 1) & (np.abs(details[1]) > 1)
    agreement = np.sign(details[0] * details[1])[in_both]
    return bool(in_both.mean() >= _GRAINY and agreement.mean() < _SAME_GRAIN)


def show_different_things(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two images (RGB) surely show different things: other sizes, encodings or brightness do not count."""
    signs = [signature_of(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)) for rgb in (one, other)]
    known = [sign for sign in signs if sign is not None]
    if len(known) < len(signs):
        return bool(known)  # one of them has a single colour
    return (known[0].bits ^ known[1].bits).bit_count() > SURELY_OTHER_BITS


def _compared(rgb: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(_shrunk(rgb, _COMPARED_PX), np.int16)


class SimilarImages:
    """Signatures of the images of two splits, and which of them are near; 264 bytes per image are kept."""

    def __init__(self) -> None:
        self._bits = array("Q")
        self._thumbs = bytearray()
        self._positions = array("q")
        self._in_val = bytearray()
        self._count = 0

    def add(self, signature: Signature | None, *, in_val: bool) -> int:
        """Adds an image, and returns its position; one without a signature is like no other."""
        position = self._count
        self._count += 1
        if signature is not None:
            self._bits.append(signature.bits)
            self._thumbs += signature.thumb
            self._positions.append(position)
            self._in_val.append(in_val)
        return position

    def matches(self) -> tuple[list[Match], list[Match]]:
        """Images with the nearest one that is near: those in val with one in train, and all with one before them in
        their own split."""
        in_val = np.frombuffer(self._in_val, np.bool_)
        pairs = _near_pairs(np.frombuffer(self._bits, np.uint64), in_val)
        across = in_val[pairs[:, 0]] != in_val[pairs[:, 1]]
        # the image that comes first in a pair is the one that is told: that in val, or the later one of a split
        in_order = across & in_val[pairs[:, 0]]
        pairs = np.where(in_order[:, None], pairs, pairs[:, ::-1])
        return list(self._nearest(pairs[across])), list(self._nearest(pairs[~across]))

    def turned_matches(self) -> list[TurnedMatch]:
        """Images in val that are near a mirrored or rotated image of train, with the nearest one."""
        in_val = np.frombuffer(self._in_val, np.bool_)
        thumbs = np.frombuffer(self._thumbs, np.uint8).reshape(-1, _THUMB_PX, _THUMB_PX)
        train, val = np.flatnonzero(~in_val), np.flatnonzero(in_val)
        if not len(train) or not len(val):
            return []
        both = SimilarImages()
        both._thumbs = bytearray(b"".join([thumbs[train].tobytes(), *(turn(thumbs[val]).tobytes() for turn in TURNS)]))
        count = len(train) + len(TURNS) * len(val)
        both._bits = array("Q", _bits_of_thumbs(np.frombuffer(both._thumbs, np.uint8).reshape(-1, *thumbs.shape[1:])))
        both._positions = array("q", range(count))
        both._in_val = bytearray(np.arange(count) >= len(train))
        nearest: dict[int, TurnedMatch] = {}
        positions = np.frombuffer(self._positions, np.int64)
        for match in both.matches()[0]:
            turn, place = divmod(match.image - len(train), len(val))
            image, other = int(positions[val[place]]), int(positions[train[match.other]])
            if image not in nearest or match.distance < nearest[image].distance:
                nearest[image] = TurnedMatch(image, other, match.distance, turn)
        return list(nearest.values())

    def _nearest(self, pairs: Pairs) -> Iterator[Match]:
        """The nearest partner of each image that comes first in a pair."""
        distances = self._distances(pairs)
        order = np.lexsort((pairs[:, 1], distances, pairs[:, 0]))
        order = order[distances[order] <= MOST_DISTANCE]
        ones, firsts = np.unique(pairs[order, 0], return_index=True)
        positions = np.frombuffer(self._positions, np.int64)
        for one, first in zip(ones, order[firsts], strict=True):
            yield Match(int(positions[one]), int(positions[pairs[first, 1]]), float(distances[first]))

    def _distances(self, pairs: Pairs) -> NDArray[np.float64]:
        thumbs = np.frombuffer(self._thumbs, np.uint8).reshape(-1, _THUMB_PX**2)
        distances = np.empty(len(pairs))
        for start in range(0, len(pairs), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            one, other = (thumbs[pairs[part, side]].astype(np.int16) for side in (0, 1))
            contrast = np.minimum(one.std(axis=1), other.std(axis=1))
            distances[part] = np.abs(one - other).mean(axis=1) / np.maximum(contrast, _FLATTEST)
        return distances


def _near_pairs(bits: NDArray[np.uint64], in_val: NDArray[np.bool_]) -> Pairs:
    """Pairs of positions, the smaller first, whose bits differ in at most `MOST_BITS`."""
    if len(bits) <= _FEW_IMAGES:
        ones, others = np.triu_indices(len(bits), k=1)
        near = _differing(bits[ones], bits[others]) <= MOST_BITS
        return np.stack([ones[near], others[near]], axis=1)
    bands = _bands(bits)
    by_value = np.argsort(bits, kind="stable")
    found = np.empty(0, np.int64)
    for triple in combinations(range(len(_BANDS)), _EQUAL_BANDS):
        keys = np.zeros(len(bits), np.uint32)
        for band in triple:
            keys = (keys << np.uint32(_BANDS[band])) | bands[band]
        order = by_value[np.argsort(keys[by_value], kind="stable")]
        ones, others = (np.concatenate(parts) for parts in zip(*_beside(keys[order], in_val[order]), strict=True))
        ones, others = order[ones], order[others]
        near = _differing(bits[ones], bits[others]) <= MOST_BITS
        low, high = np.minimum(ones, others)[near], np.maximum(ones, others)[near]
        found = np.union1d(found, low * len(bits) + high)
    return np.stack(np.divmod(found, max(len(bits), 1)), axis=1)


def _bits_of_thumbs(thumbs: NDArray[np.uint8]) -> list[int]:
    """64 bits of each thumb [n, 16, 16], as `signature_of` makes them of a larger image."""
    waves = cv2.dct(np.eye(_THUMB_PX, dtype=np.float32), flags=cv2.DCT_ROWS).T[:9]
    low = (waves @ thumbs.astype(np.float32) @ waves.T)[:, :9, :8]
    values = low[:, :8].reshape(-1, 64).copy()
    values[:, 0] = low[:, 8, 0]
    above = values > np.median(values, axis=1, keepdims=True)
    return [int.from_bytes(row.tobytes(), "big") for row in np.packbits(above, axis=1)]


def _bands(bits: NDArray[np.uint64]) -> list[NDArray[np.uint32]]:
    starts = np.cumsum((0, *_BANDS[:-1]))
    return [
        ((bits >> np.uint64(start)) & np.uint64((1 << width) - 1)).astype(np.uint32)
        for start, width in zip(starts, _BANDS, strict=True)
    ]


def _beside(keys: NDArray[np.uint32], in_val: NDArray[np.bool_]) -> Iterator[tuple[Places, Places]]:
    """Places of equal keys near each other in a sorted list, and of each val image the train image before and after."""
    places = np.arange(len(keys))
    for step in range(1, _NEIGHBOURS + 1):
        first = np.flatnonzero(keys[:-step] == keys[step:])
        yield first, first + step
        if not len(first):
            break
    before = np.maximum.accumulate(np.where(in_val, -1, places))
    after = np.minimum.accumulate(np.where(in_val, len(keys), places)[::-1])[::-1]
    for partner in (before, after):
        known = np.flatnonzero(in_val & (partner >= 0) & (partner < len(keys)))
        known = known[keys[known] == keys[partner[known]]]
        yield known, partner[known]


def _differing(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Bits that differ."""
    parts = (one ^ other).view(np.uint8).reshape(-1, 8)
    return np.asarray(_BITS_SET[parts].sum(axis=1), np.int64)
