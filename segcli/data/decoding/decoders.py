"""The decoders behind `segcli.data.image`: OpenCV, libjpeg-turbo and Pillow, each where it reads the values right.

Whatever a decoder raises or prints on a damaged file becomes an `InputError` that names the file.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from io import BytesIO
from os import PathLike
from struct import pack
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data.budget import max_pixels, size_fault
from segcli.data.decoding.headers import (
    PILLOW_ERRORS,
    PNG_SIGNATURE,
    ImageHeader,
    fewest_bytes,
    has_pixels_only,
    open_quietly,
    png_chunks,
)
from segcli.data.decoding.image_range import COLOURS, MOST_BANDS, ImageRange
from segcli.data.decoding.jpeg import decode_jpeg
from segcli.data.decoding.npy import decode_npy
from segcli.data.decoding.used_range import current_range
from segcli.errors import InputError
from segcli.plurals import counted

log = logging.getLogger("segcli")
# its warnings name no file; what matters of them is found by the readers here
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

UInt8Array = NDArray[np.uint8]
StrPath = str | PathLike[str]

MOST_CHANNELS = 4
"""That OpenCV and Pillow decode."""
_BYTES_PER_PIXEL = 4
TOO_LARGE_HINT = "cut it into tiles, or raise limits.max_pixels (at most 2^30) where there is memory"
_BANDS_HINT = "write it without compression or with deflate, or save the bands by numpy.save"
_OPENCV_CHANNELS = (1, COLOURS, MOST_CHANNELS)
_CONVERTED = frozenset({"CMYK", "YCbCr", "LAB", "HSV", "P", "PA", "1"})
"""Modes of Pillow whose values are no brightness."""


def refuse_overstated_size(header: ImageHeader, name: StrPath, file_bytes: int) -> None:
    """Refuses a file whose header states a size that its data cannot hold; called before anything is decoded."""
    least_bytes, fault = _limits(header, max_pixels())
    if file_bytes < least_bytes:
        width, height = header.stored_size
        what = f"states {width} x {height} px, which its {file_bytes:,} bytes cannot hold"
        raise InputError(what, path=name, hint="replace the file")
    if fault is not None:
        raise InputError(fault, path=name, hint=TOO_LARGE_HINT)


@lru_cache(maxsize=1 << 10)
def _limits(header: ImageHeader, most_pixels: int) -> tuple[int, str | None]:
    """Fewest bytes of a file with this header, which in a dataset is that of many, and why it is not decoded at all."""
    return fewest_bytes(header), size_fault(header.size, header.decoding_bytes) or _bands_fault(header, most_pixels)


def _bands_fault(header: ImageHeader, most_pixels: int) -> str | None:
    """Why an image of many or wide bands is not decoded: what it takes is counted in bytes, a pixel of colour as 3."""
    if header.channels <= MOST_CHANNELS:
        return None
    width, height = header.size
    total = width * height * header.channels * header.bits // 8
    limit = most_pixels * _BYTES_PER_PIXEL
    if total <= limit:
        return None
    return f"states {width} x {height} px of {header.channels} bands, {total:,} bytes and more than {limit:,}"


def decode_rgb(data: bytes, header: ImageHeader, image_range: ImageRange | None = None, *, name: StrPath) -> UInt8Array:
    """RGB, uint8 [H, W, 3], as stored, of a file that is known to be complete.

    Raises:
        InputError: It cannot be decoded.
    """
    if header.format == "JPEG" and header.bits == 8 and header.channels in (1, 3):
        try:
            pixels, damage = decode_jpeg(data)
        except ValueError:
            return np.asarray(_pillow_decode(data, name).convert("RGB"))  # rare kinds
        if damage is not None:
            log.warning("%s: the JPEG data are damaged (%s); it is used as far as it can be decoded", name, damage)
        return pixels
    chosen = image_range or current_range()
    if header.format != "PNG" or header.bits > 8:  # of which none has bands
        if not chosen.takes_bands:
            refuse_bands(header, chosen, name=name)
        if header.format == "NPY" or header.is_raster or header.channels > MOST_CHANNELS:
            return three_channels(chosen.apply(band_values(data, header, name=name)))
        if header.is_deep or (header.format == "TIFF" and header.has_alpha):
            return three_channels(chosen.apply(decode_values(data, header, name=name)))
    if header.format != "JPEG":
        coloured = _opencv(data, cv2.IMREAD_COLOR_RGB)
        if coloured is not None:
            return np.asarray(coloured, np.uint8)
    return np.asarray(_pillow_decode(data, name).convert("RGB"))


def decode_bands(data: bytes, header: ImageHeader, image_range: ImageRange, *, name: StrPath) -> UInt8Array:
    """The bands of an image as stored, uint8 [H, W, channels], as many as a network takes.

    Raises:
        InputError: It cannot be decoded, or has another number of bands.
    """
    refuse_bands(header, image_range, name=name)
    return np.ascontiguousarray(image_range.apply(band_values(data, header, name=name)))


def band_values(data: bytes, header: ImageHeader, *, name: StrPath) -> NDArray[Any]:
    """All values of an image as stored, [H, W, bands], in the file's type.

    Raises:
        InputError: It cannot be decoded into as many bands as its header states.
    """
    try:
        values = _tiff_bands(data, name) if header.format == "TIFF" else decode_values(data, header, name=name)
    except InputError:
        if header.channels not in _OPENCV_CHANNELS:
            raise
        values = decode_values(data, header, name=name)  # of a compression that OpenCV or Pillow know
    values = values[..., np.newaxis] if values.ndim == 2 else values
    width, height = header.stored_size
    if values.shape != (height, width, header.channels):
        what = f"{counted(header.channels, 'band')} of {width} x {height} px are stated, {list(values.shape)} decoded"
        raise InputError(what, path=name, hint=_BANDS_HINT)
    return values


def decode_values(data: bytes, header: ImageHeader, *, name: StrPath) -> NDArray[Any]:
    """The values of an image as stored: [H, W] or [H, W, channels] in the order of the file, in the file's type.

    Raises:
        InputError: It cannot be decoded.
    """
    if header.format == "NPY":
        return decode_npy(data, name)
    if header.channels not in _OPENCV_CHANNELS and header.format == "TIFF":
        return _tiff_bands(data, name)
    # OpenCV multiplies 8-bit colours of a TIFF by their transparency and makes colours of grey with transparency;
    # Pillow does not read most that are deep
    is_changed = header.bits == 8 and (header.channels == 2 or (header.format == "TIFF" and header.has_alpha))
    if not header.palette and not is_changed:
        pixels = _opencv(data, cv2.IMREAD_UNCHANGED)
        if pixels is not None:
            return in_file_order(pixels)
    image = _pillow_decode(data, name)
    if image.mode == "LA":
        return np.asarray(image)
    return np.asarray(image.convert("RGB") if image.mode in _CONVERTED else image)


def refuse_bands(header: ImageHeader, image_range: ImageRange, *, name: StrPath) -> None:
    """Before anything is decoded: colours are read from up to four bands, a network of bands takes just as many.

    Raises:
        InputError: The image has another number.
    """
    bands = header.channels
    if image_range.takes_bands and (bands != image_range.channels or header.palette):
        has = "a palette" if header.palette else counted(bands, "band")
        what = f"has {has}; images of {counted(image_range.channels, 'band')} are taken (Global.input_channels)"
        raise InputError(what, path=name, hint="write it with as many bands, or leave it out")
    if bands > MOST_CHANNELS and not image_range.takes_bands:
        more = f"set Global.input_channels={bands} to learn from all of them (semantic models), or "
        raise InputError(
            f"has {bands} bands; images of 1, 3 or {MOST_CHANNELS} are read as colours",
            path=name,
            hint=f"{more if bands <= MOST_BANDS else ''}write the three bands to learn from into a file of their own",
        )


def _tiff_bands(data: bytes, name: StrPath) -> NDArray[Any]:
    """The bands of the first page of a TIFF, [H, W, bands]; OpenCV and Pillow decode up to four."""
    import tifffile

    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            page = file.pages.first
            values = np.asarray(page.asarray())
            return values.transpose(1, 2, 0) if page.axes == "SYX" else values
    except Exception as error:  # its parsers let through whatever they run into
        raise InputError(f"its bands cannot be decoded: {error}", path=name, hint=_BANDS_HINT) from error


def in_file_order(pixels: NDArray[Any]) -> NDArray[Any]:
    """OpenCV's blue, green, red (and a fourth) as red, green, blue; of any depth, in one piece.

    By indices they would lie channel by channel, and putting each pixel together again takes 15 times as long.
    """
    if pixels.ndim == 2:
        return pixels
    ordered = np.empty_like(pixels)
    cv2.mixChannels([pixels], [ordered], [2, 0, 1, 1, 0, 2, 3, 3][: 2 * pixels.shape[2]])
    return ordered


def three_channels(values: UInt8Array) -> UInt8Array:
    """RGB of grey, of grey with transparency, and of colours with a fourth channel."""
    if values.ndim == 3 and values.shape[2] >= 3:
        return np.ascontiguousarray(values[..., :3])
    grey = values if values.ndim == 2 else values[..., 0]
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def _opencv(data: bytes, flags: int) -> NDArray[Any] | None:
    """An image decoded by OpenCV; None where it fails, by whatever exception."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except (cv2.error, MemoryError):
        return None


def decode_mask_values(data: bytes, header: ImageHeader, *, name: StrPath) -> NDArray[Any]:
    """The values of a mask as stored, uint8 or uint16: of a palette file the indices.

    Raises:
        InputError: It cannot be decoded.
    """
    refuse_overstated_size(header, name, len(data))
    pixels = _decode_png_values(data, header) if header.format == "PNG" else _decode_values(data, header)
    return pixels if pixels is not None else _as_unsigned(np.asarray(_pillow_decode(data, name)))


def _decode_png_values(data: bytes, header: ImageHeader) -> NDArray[Any] | None:
    """The stored values of a PNG.

    OpenCV turns a palette into colours. When the header says that the same data are grey, it gives the indices, 3 times
    faster than by the colours. Fewer than 8 bits per grey value it stretches to 0..255, which is undone here.
    """
    if header.channels == 1 and header.bits <= 8:
        data = _as_grey_png(data)
    pixels = _opencv(data, cv2.IMREAD_UNCHANGED)
    if pixels is not None and header.channels == 1 and header.bits < 8:
        pixels //= 255 // (2**header.bits - 1)
    return pixels


def _decode_values(data: bytes, header: ImageHeader) -> NDArray[Any] | None:
    """The stored values of another format, where OpenCV gives them: not of a palette, nor of single bits."""
    if header.palette or header.bits < 8 or header.bits > 16 or header.format == "JPEG":
        return None
    pixels = _opencv(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or (pixels.ndim == 2) != (header.channels == 1):
        return None
    return pixels


def _as_grey_png(data: bytes) -> bytes:
    """The same PNG declared as grey, without palette, transparency and what else would change the values."""
    description = _grey_description(data[16:25], data[26:29])
    # fewer bits are stretched by Pillow too, which decodes what OpenCV refuses for an odd chunk after the pixels
    if data[24] == 8 and has_pixels_only(data) and data.startswith(description, 12):
        return data
    parts = [PNG_SIGNATURE, pack(">I", 13), description]
    for chunk, start, end in png_chunks(data):
        if chunk in (b"IDAT", b"IEND"):
            parts.append(data[start:end])
    return b"".join(parts)


@lru_cache(maxsize=1 << 10)
def _grey_description(size_and_bits: bytes, methods: bytes) -> bytes:
    """The type, content and checksum of the chunk that describes a PNG, which in a dataset are those of many files."""
    description = b"IHDR" + size_and_bits + b"\x00" + methods
    return description + pack(">I", crc32(description))


def _pillow_decode(data: bytes, name: StrPath) -> Image.Image:
    try:
        with open_quietly(data, load=True) as image:
            return image.copy()
    except PILLOW_ERRORS as error:
        raise InputError(f"cannot be decoded: {error}", path=name, hint="replace the file") from error


def _as_unsigned(pixels: NDArray[Any]) -> NDArray[Any]:
    """uint8 or uint16 values; wider ones that do not fit become 65535, so that they are seen to be wrong."""
    if pixels.dtype in (np.uint8, np.bool_):
        return pixels.astype(np.uint8)
    return np.clip(pixels, 0, 65535).astype(np.uint16)
