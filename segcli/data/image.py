"""Images and masks from files: colour, orientation and ids come out as meant, and a damaged file is an error."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from struct import pack
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data.headers import (
    PILLOW_ERRORS,
    PNG_SIGNATURE,
    ImageHeader,
    is_complete,
    open_quietly,
    png_chunks,
    read_header,
)
from segcli.errors import InputError

UInt8Array = NDArray[np.uint8]
RgbImage = NDArray[np.uint8]
"""RGB, [H, W, 3]."""
Labels = NDArray[np.uint8]
"""Class ids, [H, W]."""
StrPath = str | PathLike[str]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})
LOSSY_FORMATS = frozenset({"JPEG", "MPO", "JPEG2000", "WEBP"})
"""Formats whose pixels are not what was written: in a mask, ids would smear at every edge."""

_BYTES = "<bytes>"
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class MaskFile:
    """A mask as its file holds it, fit or not to be used as one.

    Attributes:
        array: [H, W] or [H, W, channels], uint8 or uint16; of a palette file the indices, not the colours.
        header: What the file says of itself.
    """

    array: NDArray[Any]
    header: ImageHeader

    @property
    def is_label_map(self) -> bool:
        """Whether it holds one id of at most 8 bits a pixel."""
        return self.array.ndim == 2 and self.array.dtype == np.uint8


def read_image(path: StrPath) -> UInt8Array:
    """An image in colour.

    Args:
        path: File of any format that OpenCV or Pillow reads.

    Returns:
        RGB, uint8 [H, W, 3], turned upright as its EXIF orientation says; grey is repeated, alpha dropped, 16 bits
        scaled to 8.

    Raises:
        InputError: The file is not there, is cut off or is no image.
    """
    return decode_image(_read_bytes(path), name=path)


def decode_image(data: bytes, *, name: StrPath = _BYTES) -> UInt8Array:
    """The same from the content of a file; `name` is what an error calls it."""
    header = _checked_header(data, name)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        rgb = np.asarray(_pillow_decode(data, name).convert("RGB"))
    else:
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    return _upright(rgb, header.orientation)


def read_mask(path: StrPath) -> UInt8Array:
    """A mask of class ids.

    Returns:
        uint8 [H, W]; of a palette file the indices.

    Raises:
        InputError: The file is not there, is cut off, is no image, or does not hold one id of 8 bits a pixel.
    """
    mask = open_mask(path)
    if mask.is_label_map:
        return mask.array
    header = mask.header
    raise InputError(
        f"not a mask of class ids: {header.channels} channels of {header.bits} bits",
        path=path,
        hint="save it as a PNG with one channel of 8 bits, each pixel its class id",
    )


def open_mask(path: StrPath) -> MaskFile:
    """A mask as its file holds it.

    Raises:
        InputError: The file is not there, is cut off or is no image.
    """
    return decode_mask(_read_bytes(path), name=path)


def decode_mask(data: bytes, *, name: StrPath = _BYTES, header: ImageHeader | None = None) -> MaskFile:
    """The same from the content of a file.

    Args:
        data: Content of the file.
        name: What an error calls it.
        header: The header, if it was read and the file is known to be complete.
    """
    header = header or _checked_header(data, name)
    pixels = _decode_png_values(data, header) if header.format == "PNG" else _decode_values(data, header)
    if pixels is not None:
        return MaskFile(pixels, header)
    return MaskFile(_as_unsigned(np.asarray(_pillow_decode(data, name))), header)


def image_size(path: StrPath) -> tuple[int, int]:
    """Width and height in pixels as a viewer shows them, from the file's head where that is enough.

    Raises:
        InputError: The file is not there or is no image.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    header = read_header(head) if head.startswith((PNG_SIGNATURE, b"\xff\xd8")) else None
    return (header or _checked_header(_read_bytes(path), path, whole=False)).size


def _read_bytes(path: StrPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: StrPath, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("no such file", path=path)
    return InputError(f"cannot be read: {error.strerror or error}", path=path)


def _checked_header(data: bytes, name: StrPath, *, whole: bool = True) -> ImageHeader:
    header = read_header(data)
    if header is None:
        what = "is empty" if not data else "is no image that can be decoded"
        raise InputError(what, path=name, hint="replace the file")
    if whole and not is_complete(data):
        raise InputError("is cut off before its end", path=name, hint="copy or download the file again")
    return header


def _decode_png_values(data: bytes, header: ImageHeader) -> NDArray[Any] | None:
    """The stored values of a PNG.

    OpenCV turns a palette into colours. Told that the same data are grey, it gives the indices, and 3 times faster than
    its own way over the colours. Fewer than 8 bits a grey value it stretches to 0..255, which is undone here.
    """
    if header.channels == 1 and header.bits <= 8:
        data = _as_grey_png(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is not None and header.channels == 1 and header.bits < 8:
        pixels //= 255 // (2**header.bits - 1)
    return pixels


def _decode_values(data: bytes, header: ImageHeader) -> NDArray[Any] | None:
    """The stored values of another format, where OpenCV gives them: not of a palette, nor of single bits."""
    if header.palette or header.bits < 8 or header.bits > 16:
        return None
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None or (pixels.ndim == 2) != (header.channels == 1):
        return None
    return pixels


def _as_grey_png(data: bytes) -> bytes:
    """The same PNG declared as grey, without palette, transparency and what else would change the values."""
    description = b"IHDR" + data[16:25] + b"\x00" + data[26:29]
    parts = [PNG_SIGNATURE, pack(">I", 13), description, pack(">I", crc32(description))]
    for chunk, start, end in png_chunks(data):
        if chunk in (b"IDAT", b"IEND"):
            parts.append(data[start:end])
    return b"".join(parts)


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


def _upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Turns and mirrors as EXIF orientation 1 to 8 says (JEITA CP-3451, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        pixels = cv2.transpose(pixels)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else cv2.flip(pixels, flip)
