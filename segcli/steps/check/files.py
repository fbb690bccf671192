"""Facts of one image file, which is read and decoded once.

Runs in several threads at once; OpenCV, zlib and the digest release the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.decoders import (
    band_values,
    decode_rgb,
    decode_values,
    refuse_bands,
    refuse_overstated_size,
    three_channels,
)
from segcli.data.decoding.headers import ImageHeader, whole_header
from segcli.data.decoding.image_range import LEAST_SHARE
from segcli.data.decoding.jpeg import decode_small_jpeg
from segcli.data.decoding.range_of_images import extremes_of
from segcli.data.decoding.used_range import current_range
from segcli.data.files import read_bytes
from segcli.data.fingerprint.images import ImageColours, colours_of, colours_of_each
from segcli.data.foreign_content import foreign_content
from segcli.data.image import NO_IMAGE, RgbImage, decode_image, image_header, upright
from segcli.data.similarity import LEAST_DECODED_PX, Signature, grey_of, halved, signature_of, signatures_of, square_of
from segcli.data.stacks import stacks
from segcli.errors import InputError

DIGEST_BYTES = 16
DIGEST_ENDS = 1 << 13
COLOURS = 3
SKETCH_PX = 64
"""Side of the small copies by which labels and edges are compared."""
BLANK_LEVELS = 2
"""Grey levels between the darkest and the brightest pixel of an image that shows nothing."""

_SMALL_BYTES = 1 << 16
"""Pixels of an image that is kept until its signature is made together with those of others."""

_SEVERAL = {"TIFF": "pages", "GIF": "frames", "WEBP": "frames"}
"""What the images of a file are called, in the formats that hold several on purpose."""

SAME_SIZE_TURNS = {2: "mirrors it", 3: "turns it by 180 degrees", 4: "turns it upside down"}
"""EXIF orientations that change an image but not its size, so that labels of the unturned image fit as well."""

Fault = tuple[str, str, str, str | None]
"""Rule id, path, message, and a remedy that is more specific than the rule's, or None."""


@dataclass(frozen=True)
class UsedValues:
    """Smallest and largest value of an image, their type in the file, and the share of NaN and infinite ones."""

    lowest: float
    highest: float
    dtype: np.dtype[Any]
    undefined: float = 0.0

    def share(self) -> float:
        """Share of the configured image range that the values use, 0 to 1."""
        return current_range().share(self.lowest, self.highest, self.dtype)

    def __str__(self) -> str:
        return f"values {self.lowest:g} to {self.highest:g}"


@dataclass(slots=True, eq=False)
class FileFacts:
    """The facts of one image file, filled in as it is read, decoded and measured.

    Attributes:
        path: The file.
        header: Its header; None when it is not an image.
        is_cut: Whether the file is truncated.
        fault: Why it cannot be decoded; None when it can.
        hint: Remedy for `fault`, where it is more specific than the rule's.
        damage: What is wrong with its data although it can be decoded.
        size: Bytes of the file, once it was read.
        digest: Digest of the ends and the length of the file; None when it cannot be read, or no digest was requested.
        signature: Signature by which the same image in another size or encoding is found; None if not decoded.
        colours: Mean and standard deviation of its channels; None when it cannot be decoded.
        values: Values of an image of more than 8 bits; None for others.
        is_blank: Whether all its pixels have one colour, or nearly.
        sketch: The image in grey, uint8 [SKETCH_PX, SKETCH_PX], whatever its aspect ratio; None if not requested.
        pixels: RGB, uint8 [H, W, 3], of a small image until `measure` has measured it.
    """

    path: str
    header: ImageHeader | None
    is_cut: bool = False
    fault: str | None = None
    hint: str | None = None
    damage: str | None = None
    size: int = 0
    digest: bytes | None = None
    signature: Signature | None = None
    colours: ImageColours | None = None
    values: UsedValues | None = None
    is_blank: bool = False
    sketch: NDArray[np.uint8] | None = None
    pixels: RgbImage | None = None

    @property
    def stored_px(self) -> int:
        """Pixels of its image; 0 when it is not an image."""
        width, height = (0, 0) if self.header is None else self.header.stored_size
        return width * height

    @property
    def is_whole(self) -> bool:
        """Whether the file has a readable header, is not truncated and has no decoding fault."""
        return self.header is not None and not self.is_cut and self.fault is None

    @property
    def is_ordinary(self) -> bool:
        """Whether it is whole and the rules find nothing in it but what its header, name and ids tell."""
        # not by `is_whole`, which takes a third longer
        is_sound = self.header is not None and not self.is_cut and self.fault is None and self.damage is None
        return is_sound and self.values is None and not self.is_blank


def turned_words(header: ImageHeader) -> str:
    """What an orientation of `SAME_SIZE_TURNS` does, for a message."""
    return f"EXIF orientation {header.orientation} {SAME_SIZE_TURNS[header.orientation]} when it is read"


def digest(data: bytes) -> bytes:
    """Digest of the first and last 8 KiB and the length; files with equal digests must still be compared whole."""
    if len(data) <= DIGEST_ENDS:
        return blake2b(data, digest_size=DIGEST_BYTES).digest()
    ends = blake2b(data[:DIGEST_ENDS], digest_size=DIGEST_BYTES)
    ends.update(data[-DIGEST_ENDS:])
    ends.update(len(data).to_bytes(8, "big"))
    return ends.digest()


def load_file(path: str) -> tuple[bytes, FileFacts]:
    """The bytes of a file, and the facts that need no decoding."""
    try:
        data = read_bytes(path)
    except OSError as error:
        return b"", FileFacts(path, None, fault=f"cannot be read: {error.strerror or error}")
    (header, is_complete), own = whole_header(data), digest(data) if data else None
    if header is None:
        other = foreign_content(data)
        fault, hint = (NO_IMAGE, None) if other is None else (other.what, other.hint)
        return data, FileFacts(path, None, fault=fault, hint=hint, digest=own)
    facts = FileFacts(path, header, not is_complete)
    facts.size, facts.digest = len(data), own  # a call with the names of arguments takes twice as long
    return data, facts


def inspect_image_file(path: str, *, sketched: bool = False) -> FileFacts:
    """Reads and decodes an image; `measure` completes the facts. Faults are returned in the facts, not raised.

    Args:
        path: The file.
        sketched: Whether to keep a small copy in `FileFacts.sketch`.
    """
    data, facts = load_file(path)
    decode_image_file(data, facts, sketched=sketched)
    return facts


def decode_image_file(data: bytes, facts: FileFacts, *, sketched: bool = False) -> None:
    """Decodes the image of a loaded file, if it is whole; see `inspect_image_file`."""
    if facts.header is not None and facts.is_whole:
        _decode(data, facts.header, facts, sketched)


def inspect_header(path: str) -> FileFacts:
    """Reads only the header of an image. Faults are returned in the facts, not raised."""
    try:
        return FileFacts(path, image_header(path))
    except InputError as error:
        return FileFacts(path, None, fault=error.message, hint=error.hint)


def _decode(data: bytes, header: ImageHeader, facts: FileFacts, sketched: bool) -> None:
    """Decodes the image; a failure is told in the facts, which `measure` completes.

    A JPEG is decoded at reduced size, which reads every coefficient but halves the time.
    """
    image_range = current_range()
    takes_bands = image_range.takes_bands
    try:
        refuse_overstated_size(header, facts.path, len(data))
        if header.format == "JPEG" and not takes_bands:
            pixels, facts.damage = decode_small_jpeg(data, LEAST_DECODED_PX)
        elif header.is_deep or takes_bands:
            refuse_bands(header, image_range, name=facts.path)
            values = (band_values if takes_bands else decode_values)(data, header, name=facts.path)
            if header.is_deep:
                lowest, highest, undefined = extremes_of(values)
                facts.values = UsedValues(lowest, highest, values.dtype, undefined)
            pixels = three_channels(image_range.apply(values))
        else:
            pixels = decode_rgb(data, header, image_range, name=facts.path)
    except InputError as error:
        facts.fault, facts.hint = error.message, error.hint
    except ValueError:  # a rare kind of JPEG
        _decode_whole(data, facts, sketched)
    else:
        _measure(upright(pixels, header.orientation), facts, sketched)


def _decode_whole(data: bytes, facts: FileFacts, sketched: bool) -> None:
    try:
        pixels = decode_image(data, name=facts.path)
    except InputError as error:
        facts.fault, facts.hint = error.message, error.hint
    else:
        _measure(pixels, facts, sketched)


def _measure(rgb: RgbImage, facts: FileFacts, sketched: bool) -> None:
    """Measures a large image, of which very many would fill the memory; a small one waits for `measure`."""
    if sketched:
        grey = halved(grey_of(rgb), SKETCH_PX)
        facts.sketch = square_of(grey, SKETCH_PX)
        _note(facts, rgb, colours_of(rgb), signature_of(grey))
    elif rgb.nbytes > _SMALL_BYTES:
        _note(facts, rgb, colours_of(rgb), signature_of(rgb))
    else:
        facts.pixels = rgb


def measure(files: Sequence[FileFacts]) -> None:
    """Completes the facts by what is measured of small images, all at once: colours and signatures."""
    waiting = [(facts, facts.pixels) for facts in files if facts.pixels is not None]
    stacked = stacks([rgb for _, rgb in waiting])
    numbers = zip(waiting, colours_of_each(stacked), signatures_of(stacked), strict=True)
    for (facts, rgb), colours, signature in numbers:
        _note(facts, rgb, colours, signature)
        facts.pixels = None


def _note(facts: FileFacts, rgb: RgbImage, colours: ImageColours, signature: Signature | None) -> None:
    facts.colours, facts.signature, facts.is_blank = colours, signature, signature is None and _is_blank(rgb)


def _is_blank(rgb: RgbImage) -> bool:
    """Whether the values of each channel [H, W, channels] are equal, or as near as JPEG leaves equal ones."""
    # column by column, as NumPy goes from pixel to pixel where it reduces both axes at once
    highest, lowest = rgb.max(axis=0).max(axis=0), rgb.min(axis=0).min(axis=0)
    return bool((highest - lowest <= BLANK_LEVELS).all())


def shown_range(dtype: np.dtype[Any]) -> str:
    """The image range with which images of a type are read, for messages."""
    chosen = current_range()
    low, high = chosen.limits(np.zeros(0, dtype)) if chosen.kind != "percentile" else (0, 0)
    return "each image's own percentiles" if chosen.kind == "percentile" else f"{low:g} to {high:g}"


def file_faults(facts: FileFacts, *, cut: str, broken: str, path: str) -> Iterator[Fault]:
    """Yields the fault of a file that is truncated or cannot be decoded, under the rule ids `cut` and `broken`."""
    if facts.is_cut:
        yield cut, path, "the file ends before the image does", None
    elif facts.fault is not None:
        yield broken, path, facts.fault, facts.hint


@dataclass(frozen=True)
class ImageRules:
    """Ids of the rules on image content, for one kind of dataset."""

    damaged: str
    pages: str
    bands: str
    dim: str
    undefined: str
    blank: str


def content_faults(facts: FileFacts, rules: ImageRules, path: str) -> Iterator[Fault]:
    """Yields the faults of a decodable image whose content is damaged or not used completely."""
    header = facts.header
    if header is None or not facts.is_whole:
        return
    if facts.damage is not None:
        yield rules.damaged, path, facts.damage, None
    if facts.values is not None and facts.values.undefined:
        share = f"{100 * facts.values.undefined:.2g} % of its values are NaN or infinite"
        yield rules.undefined, path, f"{share}; NaN is read as black", None
    if facts.values is not None and facts.values.share() < LEAST_SHARE:
        yield rules.dim, path, f"{facts.values}, read as {shown_range(facts.values.dtype)}", None
    elif facts.is_blank and facts.colours is not None:
        colour = ", ".join(f"{value:.0f}" for value in facts.colours.mean)
        yield rules.blank, path, f"every pixel has the colour ({colour})", None
    noun = _SEVERAL.get(header.format)
    if header.pages > 1 and noun is not None:
        yield rules.pages, path, f"holds {header.pages} {noun}; the first is read", None
    has_bands = header.channels > COLOURS + header.has_alpha and header.format in ("TIFF", "NPY")
    if has_bands and not current_range().takes_bands:
        yield rules.bands, path, f"holds {header.channels} bands; the first {COLOURS} are read", None
