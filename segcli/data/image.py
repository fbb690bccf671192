"""Images and masks from files: colour, orientation and ids come out as meant, and a damaged file is an error."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.decoders import (
    band_values,
    decode_bands,
    decode_mask_values,
    decode_rgb,
    decode_values,
    refuse_overstated_size,
    three_channels,
)
from segcli.data.decoding.headers import PNG_SIGNATURE, ImageHeader, is_complete, is_thin, read_header
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.jpeg import jpeg_damage
from segcli.data.decoding.used_range import current_range
from segcli.data.files import read_bytes, read_start
from segcli.data.foreign_content import foreign_content
from segcli.errors import InputError

UInt8Array = NDArray[np.uint8]
RgbImage = NDArray[np.uint8]
"""RGB, [H, W, 3]."""
Labels = NDArray[np.uint8]
"""Class ids, [H, W]."""
StrPath = str | PathLike[str]

LOSSY_FORMATS = frozenset({"JPEG", "MPO", "JPEG2000", "WEBP"})
"""Formats whose pixels are not what was written: in a mask, ids would smear at every edge."""

FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
"""OpenCV's code of the flip for each EXIF orientation: 1 across, 0 down, -1 both; 5 to 8 are transposed before."""
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_COLOURS = 3
_BYTES = "<bytes>"
NO_IMAGE = "is no image that can be decoded"
_HEAD_BYTES = 1 << 16


class MaskFile(NamedTuple):
    """A mask as its file holds it, fit or not to be used as one.

    Attributes:
        array: [H, W] or [H, W, channels], uint8 or uint16; of a palette file the indices, not the colours.
        header: What the file says of itself.
    """

    array: NDArray[Any]
    header: ImageHeader

    @property
    def is_label_map(self) -> bool:
        """Whether it holds one id of at most 8 bits per pixel."""
        return self.array.ndim == 2 and self.array.dtype == np.uint8


def read_image(path: StrPath, image_range: ImageRange | None = None) -> UInt8Array:
    """An image in colour.

    Args:
        path: File of any format that OpenCV or Pillow reads; of several pages the first.
        image_range: Which values become black and white where they have more than 8 bits; None is that of this process.

    Returns:
        RGB, uint8 [H, W, 3], turned upright as its EXIF orientation says; grey is repeated, alpha dropped.

    Raises:
        InputError: The file is not there, is cut off or is no image, or states more pixels than may be decoded.
    """
    return decode_image(_read_bytes(path), image_range, name=path)


def decode_image(data: bytes, image_range: ImageRange | None = None, *, name: StrPath = _BYTES) -> UInt8Array:
    """The same from the content of a file; `name` is what an error calls it."""
    header = _checked_header(data, name)
    return upright(decode_rgb(data, header, image_range, name=name), header.orientation)


def read_input(path: StrPath, image_range: ImageRange | None = None) -> UInt8Array:
    """An image as a network takes it: in colour or, where the range says so, all bands of the file.

    Returns:
        uint8 [H, W, channels], upright: RGB as `read_image` gives it where the network takes 3 channels.

    Raises:
        InputError: As for `read_image`, or the file has another number of bands than the network takes.
    """
    return decode_input(_read_bytes(path), image_range, name=path)


def decode_input(data: bytes, image_range: ImageRange | None = None, *, name: StrPath = _BYTES) -> UInt8Array:
    """The same from the content of a file."""
    chosen = image_range or current_range()
    if not chosen.takes_bands:
        return decode_image(data, chosen, name=name)
    header = _checked_header(data, name)
    return upright(decode_bands(data, header, chosen, name=name), header.orientation)


def with_channels(pixels: NDArray[Any]) -> NDArray[Any]:
    """An image [H, W, channels] again after OpenCV, which drops the axis of a single channel."""
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def shown(bands: UInt8Array) -> RgbImage:
    """What is shown of a network's input [H, W, channels]: RGB, of bands the first three, of one or two the first."""
    return bands if bands.shape[2] == _COLOURS else three_channels(bands)


def read_values(path: StrPath) -> NDArray[Any]:
    """The values of an image as stored, [H, W] or [H, W, channels], in the type of the file; with the last axis where
    bands are read.

    Raises:
        InputError: As for `read_image`.
    """
    data = _read_bytes(path)
    decode = band_values if current_range().takes_bands else decode_values
    return decode(data, _checked_header(data, path), name=path)


def read_smaller(path: StrPath, factor: Callable[[int, int], int]) -> tuple[UInt8Array, tuple[int, int]]:
    """An image for a network, decoded at a fraction of its size where the format allows that, which is JPEG.

    Args:
        path: As for `read_image`.
        factor: Height and width of the image -> 1, 2, 4 or 8, by which its sides may be divided.

    Returns:
        uint8 [h, w, channels] as `read_input` gives it, and the height and width of the whole image.

    Raises:
        InputError: As for `read_image`.
    """
    data = _read_bytes(path)
    header = _checked_header(data, path)
    width, height = header.size
    if current_range().takes_bands:
        return decode_input(data, name=path), (height, width)
    reduced = _REDUCED.get(factor(height, width))
    if header.format == "JPEG" and header.channels == _COLOURS and reduced is not None:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), reduced | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is not None:
            return upright(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels), header.orientation), (height, width)
    return upright(decode_rgb(data, header, name=path), header.orientation), (height, width)


def read_mask(path: StrPath) -> UInt8Array:
    """A mask of class ids.

    Returns:
        uint8 [H, W]; of a palette file the indices.

    Raises:
        InputError: The file is not there, is cut off, is no image, or does not hold one id of 8 bits per pixel.
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


def decode_mask(data: bytes, *, name: StrPath = _BYTES) -> MaskFile:
    """The same from the content of a file; `name` is what an error calls it."""
    header = _checked_header(data, name)
    return MaskFile(decode_mask_values(data, header, name=name), header)


def image_size(path: StrPath) -> tuple[int, int]:
    """Width and height in pixels as a viewer shows them; see `image_header`."""
    return image_header(path).size


def image_header(path: StrPath) -> ImageHeader:
    """The header of an image, from the file's first bytes where they are enough.

    Raises:
        InputError: The file is not there, is no image, or states a size that its data cannot have.
    """
    try:
        head, file_bytes = read_start(path, _HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    header = read_header(head) if head.startswith((PNG_SIGNATURE, b"\xff\xd8")) else None
    if header is None:
        return _checked_header(_read_bytes(path), path, whole=False)
    if is_thin(header, file_bytes):
        _prove_size(path, header)
    refuse_overstated_size(header, path, file_bytes)
    return header


def _prove_size(path: StrPath, header: ImageHeader) -> None:
    """Decodes a JPEG that has very few bytes for its size.

    Raises:
        InputError: The data end before the image does.
    """
    data = _read_bytes(path)
    refuse_overstated_size(header, path, len(data))
    try:
        damage = jpeg_damage(data)
    except ValueError:
        return
    if damage is not None:
        width, height = header.stored_size
        raise InputError(f"states {width} x {height} px, but {damage}", path=path, hint="replace the file")


def _read_bytes(path: StrPath) -> bytes:
    try:
        return read_bytes(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: StrPath, error: OSError | ValueError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("no such file", path=path)
    reason = error.strerror if isinstance(error, OSError) else None  # a name with a zero byte is a ValueError
    return InputError(f"cannot be read: {reason or error}", path=path)


def _checked_header(data: bytes, name: StrPath, *, whole: bool = True) -> ImageHeader:
    header = read_header(data)
    if header is None:
        other = foreign_content(data)
        what = other.what if other is not None else NO_IMAGE
        raise InputError(what, path=name, hint=other.hint if other is not None else "replace the file")
    if whole:
        refuse_overstated_size(header, name, len(data))
        if not is_complete(data):
            raise InputError("is cut off before its end", path=name, hint="copy or download the file again")
    return header


def upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Turns and mirrors as EXIF orientation 1 to 8 says (JEITA CP-3451, tag 0x0112)."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = np.ascontiguousarray(pixels.swapaxes(0, 1))
    flip = FLIPS.get(orientation)
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), np.uint8).reshape(pixels.shape)
