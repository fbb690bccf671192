"""The same image in another size or encoding, and images that differ little, found without comparing all pairs.

Each image leaves a signature of 64 bits and 16 x 16 px: a perceptual hash by its low frequencies (C. Zauner,
"Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2.1). Images are near where their
bits nearly agree, and their small images too.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import StrPath, read_image
from segcli.data.near_bits import Pairs, near_pairs
from segcli.data.stacks import STACKED_PX, Stacks, stacks
from segcli.errors import InputError

SURELY_OTHER_BITS = 16
"""Signatures of images without relation differ in 32 bits, of one image after cropping or other light in fewer."""
MOST_DISTANCE = 0.25
"""Mean difference of the small images up to which two are near, in standard deviations of their grey values. Of 110,000
pairs of aerial, street, microscopy and other images none but frames of one video came below."""
SAME_DISTANCE = 0.6
"""The 99th percentile of the differences up to which two images are the same, likewise. Other sizes and encodings reach
0.57, neighbouring frames of a video begin at 0.8."""

_ENOUGH = 4
"""Pixels per pixel of the square that halving leaves."""
_THUMB_PX = 16
THUMB_BYTES = _THUMB_PX**2
SIGNED_PX = STACKED_PX
"""Side of the image that a signature is made of: stacks are made larger, other images smaller."""
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
_LOWEST_WAVES = 8
_WAVE_SCALE = 1 << 16
_AT_ONCE = 1 << 11
_UNSIGNED = 2
"""Kind of an image without a signature; that of one with it is 1 in val, 0 in train."""


class Signature(NamedTuple):
    """What is kept of an image: 64 bits, and 16 x 16 grey values a byte each; a tuple, as very many are made."""

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


def signature_of(image: NDArray[np.uint8]) -> Signature | None:
    """The signature of an image, RGB or grey [H, W]; None for an image of a single colour, which has none."""
    return signatures_of(stacks([image]))[0]


def signatures_of(stacks: Stacks) -> list[Signature | None]:
    """The signature of each image of some stacks, RGB or grey [n, H, W]; of fifty at once seven times faster than one
    by one."""
    if not stacks:
        return []
    small = _squares(stacks)
    thumbs = _resized(small.reshape(-1, SIGNED_PX), _THUMB_PX, len(small)).reshape(-1, THUMB_BYTES)
    bits = _low_wave_bits(small)
    starts, data = range(0, thumbs.size, THUMB_BYTES), thumbs.tobytes()
    return [
        None if flat else Signature(own, data[start : start + THUMB_BYTES])
        for flat, own, start in zip(_are_flat(thumbs).tolist(), bits.tolist(), starts, strict=True)
    ]


def _squares(stacks: Stacks) -> NDArray[np.uint8]:
    """The images in grey as squares, [n, SIGNED_PX, SIGNED_PX]; small ones of one size are resized as one."""
    squares = np.empty((sum(len(places) for places, _ in stacks), SIGNED_PX, SIGNED_PX), np.uint8)
    for places, stack in stacks:
        # made larger below each other, no pixel mixes those of two images
        column = grey_of(stack.reshape(-1, *stack.shape[2:]))
        is_small = max(stack.shape[1:3]) <= SIGNED_PX
        squares[places] = _resized(column, SIGNED_PX, len(places)) if is_small else square_of(column, SIGNED_PX)
    return squares


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image in grey [H, W], from RGB [H, W, 3] or grey.

    As a single row, since OpenCV shares the rows of a large image out among threads, whose waiting for more work takes
    longer than this.
    """
    if image.ndim == 2:
        return image
    row = cv2.cvtColor(image.reshape(1, -1, 3), cv2.COLOR_RGB2GRAY)
    return np.asarray(row, np.uint8).reshape(image.shape[:2])


def _resized(column: NDArray[np.uint8], side: int, count: int) -> NDArray[np.uint8]:
    """Images that lie below each other [count * H, W] as squares [count, side, side]."""
    resized = cv2.resize(column, (side, count * side), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8).reshape(count, side, side)


def _are_flat(thumbs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether the values of each thumb [n, pixels] deviate by less than `_FLATTEST`; computed without rounding.

    By products, as OpenCV shares its sums out among threads: those of 256 squares of 8 bits are below 2^24, up to which
    float32 holds every number.
    """
    values, ones = thumbs.astype(np.float32), np.ones(THUMB_BYTES, np.float32)
    sums, squares = ((powers @ ones).astype(np.int64) for powers in (values, np.square(values)))
    return np.asarray(THUMB_BYTES * squares - sums * sums < _FLATTEST * THUMB_BYTES**2)


def _low_wave_bits(squares: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits of each square [n, side, side]: which of its low frequencies are above their median."""
    down, across = _waves(squares.shape[1])
    # a product of small matrices for each square: of 256 at once far faster than OpenCV's transform of all their rows
    low = np.matmul(down, np.matmul(squares.astype(np.float64), across))
    low[:, 0, 0] = low[:, _LOWEST_WAVES, 0]  # instead of the mean, which says nothing of the form
    return _above_median(low[:, :_LOWEST_WAVES].reshape(len(squares), -1))


@cache
def _waves(side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest frequencies of the cosine transform of 8 bits, down [`_LOWEST_WAVES` + 1, side] and across
    [side, `_LOWEST_WAVES`], each in one piece, of which products are a fifth faster than of a view.

    They are whole numbers, whose products float64 holds exactly: what an image has not is zero on every processor.
    """
    transform = cv2.dct(np.eye(side), flags=cv2.DCT_ROWS)
    waves = np.ascontiguousarray((transform.T[: _LOWEST_WAVES + 1] * _WAVE_SCALE).round())
    return waves, np.ascontiguousarray(waves[:_LOWEST_WAVES].T)


def _above_median(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Which of 64 values [n, 64] are above their median, a bit each."""
    ordered = np.sort(values, axis=1)  # of 64 values 50 times faster than a partition
    above = values > (ordered[:, 31:32] + ordered[:, 32:33]) / 2
    return np.packbits(above, axis=1).view(">u8").ravel().astype(np.uint64)


def square_of(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image as a square, averaged; halved first, see `halved`."""
    return np.asarray(cv2.resize(halved(image, side), (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def halved(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image, averaged over 2 x 2 px as often as leaves enough for a square of `side` px, which is nine times faster
    than to make that square at once. What is made smaller of it than `side` is what is made of the image itself."""
    while min(image.shape[:2]) >= 2 * _ENOUGH * side:
        height, width = (size // 2 * 2 for size in image.shape[:2])
        halves = (width // 2, height // 2)
        image = np.asarray(cv2.resize(image[:height, :width], halves, interpolation=cv2.INTER_AREA), np.uint8)
    return image


def is_same_image(one: StrPath, other: StrPath, turn: int | None = None) -> bool:
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
        grey = grey_of(rgb)
        if grey.shape != (height, width):
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        grey = grey.astype(np.float32)
        details.append(cv2.GaussianBlur(grey, (0, 0), fine) - cv2.GaussianBlur(grey, (0, 0), coarse))
    in_both = (np.abs(details[0]) > 1) & (np.abs(details[1]) > 1)
    agreement = np.sign(details[0] * details[1])[in_both]
    return bool(in_both.mean() >= _GRAINY and agreement.mean() < _SAME_GRAIN)


def show_different_things(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two images (RGB) surely show different things: other sizes, encodings or brightness do not count."""
    signs = [signature_of(rgb) for rgb in (one, other)]
    known = [sign for sign in signs if sign is not None]
    if len(known) < len(signs):
        return bool(known)  # one of them has a single colour
    return (known[0].bits ^ known[1].bits).bit_count() > SURELY_OTHER_BITS


def _compared(rgb: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(square_of(rgb, _COMPARED_PX), np.int16)


class SimilarImages:
    """Signatures of the images of two splits, and which of them are near; 265 bytes per image are kept."""

    def __init__(self) -> None:
        self._bits = array("Q")
        self._thumbs = bytearray()
        self._kinds = bytearray()

    def add(self, signatures: Sequence[Signature | None], *, in_val: bool) -> None:
        """Adds images, at the next positions; one without a signature is like no other."""
        self._kinds += bytes([_UNSIGNED if signature is None else in_val for signature in signatures])
        signed = [signature for signature in signatures if signature is not None]
        self._bits.extend([signature.bits for signature in signed])
        self._thumbs += b"".join([signature.thumb for signature in signed])

    @property
    def _positions(self) -> NDArray[np.int64]:
        """Of the images with a signature."""
        return np.flatnonzero(np.frombuffer(self._kinds, np.uint8) != _UNSIGNED)

    @property
    def _in_val(self) -> NDArray[np.bool_]:
        """Whether the images with a signature are in val."""
        kinds = np.frombuffer(self._kinds, np.uint8)
        return np.asarray(kinds[kinds != _UNSIGNED] == 1)

    def matches(self) -> tuple[list[Match], list[Match]]:
        """Images with the nearest one that is near: those in val with one in train, and all with one before them in
        their own split."""
        in_val = self._in_val
        pairs = near_pairs(np.frombuffer(self._bits, np.uint64), in_val)
        across = in_val[pairs[:, 0]] != in_val[pairs[:, 1]]
        # the image that comes first in a pair is the one that is told: that in val, or the later one of a split
        in_order = across & in_val[pairs[:, 0]]
        pairs = np.where(in_order[:, None], pairs, pairs[:, ::-1])
        return self._matches_of(pairs[across]), self._matches_of(pairs[~across])

    def turned_matches(self) -> list[TurnedMatch]:
        """Images in val that are near a mirrored or rotated image of train, with the nearest one."""
        in_val = self._in_val
        thumbs = np.frombuffer(self._thumbs, np.uint8).reshape(-1, _THUMB_PX, _THUMB_PX)
        train, val = np.flatnonzero(~in_val), np.flatnonzero(in_val)
        bits = [_bits_of_thumbs(thumbs, train), *(_bits_of_thumbs(thumbs, val, turn) for turn in TURNS)]
        is_turned = np.arange(len(train) + len(TURNS) * len(val)) >= len(train)
        pairs = near_pairs(np.concatenate(bits), is_turned)
        pairs = pairs[is_turned[pairs[:, 0]] != is_turned[pairs[:, 1]], ::-1]
        turns, places = np.divmod(pairs[:, 0] - len(train), max(len(val), 1))
        files = np.stack([val[places], train[pairs[:, 1]]], axis=1)
        distances = np.empty(len(pairs))
        for number, turn in enumerate(TURNS):
            distances[turns == number] = self._distances(files[turns == number], turn)
        nearest: dict[int, TurnedMatch] = {}
        positions = self._positions
        for place in _nearest(pairs, distances):
            image, other = positions[files[place]].tolist()
            distance = float(distances[place])
            if image not in nearest or distance < nearest[image].distance:
                nearest[image] = TurnedMatch(image, other, distance, int(turns[place]))
        return list(nearest.values())

    def _matches_of(self, pairs: Pairs) -> list[Match]:
        """The images that come first in a pair, each with its nearest partner."""
        distances = self._distances(pairs)
        positions, nearest = self._positions, _nearest(pairs, distances)
        images, others = positions[pairs[nearest]].T.tolist()
        return [Match(*found) for found in zip(images, others, distances[nearest].tolist(), strict=True)]

    def _distances(self, pairs: Pairs, turn: Callable[[Squares], Squares] | None = None) -> NDArray[np.float64]:
        """How far apart the small images of each pair are, the first one turned."""
        thumbs = np.frombuffer(self._thumbs, np.uint8).reshape(-1, _THUMB_PX, _THUMB_PX)
        distances = np.empty(len(pairs))
        for start in range(0, len(pairs), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            images, others = (thumbs[pairs[part, side]] for side in (0, 1))
            images = images if turn is None else turn(images)
            one, other = (thumb.reshape(-1, _THUMB_PX**2).astype(np.int16) for thumb in (images, others))
            contrast = np.minimum(one.std(axis=1), other.std(axis=1))
            distances[part] = np.abs(one - other).mean(axis=1) / np.maximum(contrast, _FLATTEST)
        return distances


def _nearest(pairs: Pairs, distances: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the pairs of each image that comes first in one with the nearest partner, if that is near enough."""
    order = np.lexsort((pairs[:, 1], distances, pairs[:, 0]))
    order = order[distances[order] <= MOST_DISTANCE]
    return np.asarray(order[np.unique(pairs[order, 0], return_index=True)[1]])


def _bits_of_thumbs(
    thumbs: Squares, places: NDArray[np.int64], turn: Callable[[Squares], Squares] | None = None
) -> NDArray[np.uint64]:
    """64 bits of each thumb [n, 16, 16] at some places, turned, as `signature_of` makes them of a larger image."""
    bits = np.empty(len(places), np.uint64)
    for start in range(0, len(places), _AT_ONCE):
        part = thumbs[places[start : start + _AT_ONCE]]
        bits[start : start + _AT_ONCE] = _low_wave_bits(part if turn is None else turn(part))
    return bits
