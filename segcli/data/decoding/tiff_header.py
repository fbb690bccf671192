"""What a TIFF says of itself (TIFF 6.0, and BigTIFF): no decoder at hand tells bands, sample format and pages."""

from __future__ import annotations

from mmap import mmap
from struct import pack, unpack_from
from typing import NamedTuple

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 256, 257, 258, 262, 274, 277
_EXTRA_SAMPLES, _SAMPLE_FORMAT = 338, 339
_PALETTE = 3
_GREYS = (0, 1)
_ALPHAS = frozenset({1, 2})
"""Kinds of extra samples that are transparency: premultiplied, and not."""
PREMULTIPLIED = 1
_FORMATS = {1: "uint", 2: "int", 3: "float", 4: "uint"}
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_PAGES = 10_000
_MOST_VALUES = 64


class TiffHeader(NamedTuple):
    """The first page of a TIFF, and how many there are.

    Attributes:
        size: Width and height in pixels as stored.
        samples: Values per pixel.
        bits: Bits per value.
        sample_format: ``uint``, ``int`` or ``float``.
        palette: Whether the values are indices of a palette.
        extra: Kinds of the samples beyond the colours: 0 unspecified, 1 premultiplied alpha, 2 alpha.
        orientation: As in EXIF, 1 to 8.
        pages: Where the description of each image in the file begins, in bytes.
        is_grey: Whether the first sample is a brightness, so that those after it are further bands and no colours.
    """

    size: tuple[int, int]
    samples: int
    bits: int
    sample_format: str
    palette: bool
    extra: tuple[int, ...]
    orientation: int
    pages: tuple[int, ...]
    is_grey: bool

    @property
    def has_alpha(self) -> bool:
        """Whether the last sample is transparency."""
        return bool(self.extra) and self.extra[-1] in _ALPHAS


def is_tiff(data: bytes | mmap) -> bool:
    """Whether a file begins as a TIFF does."""
    return data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def read_tiff_header(data: bytes | mmap) -> TiffHeader | None:
    """The header; None when the file is too damaged to tell.

    Raises:
        struct.error: It is cut off within the description of its first page.
    """
    order, big = _form(data)
    (place,) = unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    tags, following = _directory(data, place, order, big=big)
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    pages = {place: None}  # in the file's order; a chain may lead back
    while following and following not in pages and len(pages) < _MOST_PAGES and following + 2 <= len(data):
        pages[following] = None
        _, following = _directory(data, following, order, big=big, values=False)
    samples = tags.get(_SAMPLES, (1,))[0]
    orientation = tags.get(_ORIENTATION, (1,))[0]
    return TiffHeader(
        (tags[_WIDTH][0], tags[_HEIGHT][0]),
        samples,
        max(tags.get(_BITS, (1,))),
        _FORMATS.get(tags.get(_SAMPLE_FORMAT, (1,))[0], "other"),
        tags.get(_PHOTOMETRIC, (1,))[0] == _PALETTE,
        tags.get(_EXTRA_SAMPLES, ()),
        orientation if 1 <= orientation <= 8 else 1,
        tuple(pages),
        tags.get(_PHOTOMETRIC, (1,))[0] in _GREYS,
    )


def head_for(data: bytes | mmap, page: int) -> bytes:
    """The first bytes of the file as they would be if one of its `pages` was the first: decoders find it at once."""
    order, big = _form(data)
    return data[: 8 if big else 4] + pack(order + ("Q" if big else "I"), page)


def _form(data: bytes | mmap) -> tuple[str, bool]:
    """The order of bytes, for `struct`, and whether it is a BigTIFF."""
    return "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\x00", b"\x00+")


def _directory(
    data: bytes | mmap, place: int, order: str, *, big: bool, values: bool = True
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Whole numbers of a page's tags, and where the next page's begin (0: there is none)."""
    head, entry, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = unpack_from(order + head, data, place)
    start = place + (8 if big else 2)
    tags: dict[int, tuple[int, ...]] = {}
    for index in range(count if values else 0):
        at = start + index * entry
        tag, kind = unpack_from(order + "HH", data, at)
        (number,) = unpack_from(order + word, data, at + 4)
        if kind not in _TYPES or not 0 < number <= _MOST_VALUES:
            continue
        at += 12 if big else 8
        if number * _BYTES[kind] > (8 if big else 4):
            (at,) = unpack_from(order + word, data, at)
        tags[tag] = unpack_from(f"{order}{number}{_TYPES[kind]}", data, at)
    end = start + count * entry
    following = unpack_from(order + word, data, end)[0] if end + (8 if big else 4) <= len(data) else 0
    return tags, int(following)
