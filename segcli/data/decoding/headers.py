"""What an image file says of itself, read from its first bytes: format, size, channels, depth, orientation."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from struct import Struct, unpack, unpack_from
from struct import error as StructError
from threading import Lock
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from segcli.data.budget import BYTES_PER_PIXEL
from segcli.data.decoding.npy import MAGIC as NPY_MAGIC
from segcli.data.decoding.npy import is_whole_npy, read_npy_header
from segcli.data.decoding.tiff_header import is_tiff, read_tiff_header

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_START = PNG_SIGNATURE + b"\x00\x00\x00\rIHDR"
JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
EXIF_ORIENTATION = 0x0112

_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_PALETTE = 3
_PNG_CHUNK = Struct(">I4s")
"""Length and type of a chunk."""
_PNG_LENGTH = Struct(">I")
_PNG_SECOND_CHUNK = len(PNG_SIGNATURE) + 25
_NO_PIXELS = b"\x00\x00\x00\x00IDAT"
_DEFLATE_RATIO = 1032
_JPEG_PIXELS_PER_BYTE = 1024
_JPEG_THIN = 48
_START_OF_SCAN = 0xDA
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_SEGMENT = 0xE1
_EXIF_MAGIC = b"Exif\x00\x00"
_OPENJPEG_BYTES = 8
_DEEP_COPIES = 5
_COLOURS_AND_ALPHA = 4
"""Images of more bands are counted by `_bands_fault` of the decoders."""
_PILLOW_LOCK = Lock()

# channels and bits per channel of Pillow's modes, for the formats that are not parsed here
_MODES = {
    "1": (1, 1),
    "L": (1, 8),
    "P": (1, 8),
    "LA": (2, 8),
    "PA": (2, 8),
    "La": (2, 8),
    "RGB": (3, 8),
    "YCbCr": (3, 8),
    "LAB": (3, 8),
    "HSV": (3, 8),
    "RGBA": (4, 8),
    "RGBa": (4, 8),
    "RGBX": (4, 8),
    "CMYK": (4, 8),
    "I": (1, 32),
    "F": (1, 32),
}


class ImageHeader(NamedTuple):
    """An image before decoding; a tuple, as it is made for each of very many files.

    Attributes:
        format: ``PNG``, ``JPEG``, ``TIFF``, ``NPY``, or Pillow's name of the format.
        stored_size: Width and height in pixels as stored, before the EXIF orientation is applied.
        channels: Channels per pixel; a palette counts as one.
        bits: Bits per channel.
        palette: Whether the values are indices of a palette.
        orientation: EXIF orientation, 1 to 8.
        has_alpha: Whether the last channel is transparency.
        sample_format: ``uint``, ``int`` or ``float``.
        pages: Images in the file.
        is_raster: Whether it holds several bands none of which is a colour.
    """

    format: str
    stored_size: tuple[int, int]
    channels: int
    bits: int
    palette: bool = False
    orientation: int = 1
    has_alpha: bool = False
    sample_format: str = "uint"
    pages: int = 1
    is_raster: bool = False

    @property
    def is_deep(self) -> bool:
        """Whether its values must be scaled to 8 bits."""
        return self.bits > 8 or self.sample_format != "uint"

    @property
    def decoding_bytes(self) -> int:
        """Memory per pixel while it is decoded, rounded up from what was measured for each kind.

        OpenJPEG holds 32 bits of each channel and a copy; deep values are held as stored, in file order and as floats.
        """
        if self.format == "JPEG2000":
            return max(BYTES_PER_PIXEL, _OPENJPEG_BYTES * self.channels)
        if not self.is_deep:
            return BYTES_PER_PIXEL
        stored = min(self.channels, _COLOURS_AND_ALPHA) * self.bits // 8
        return max(BYTES_PER_PIXEL, _DEEP_COPIES * stored)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as a viewer shows them, the EXIF orientation applied."""
        width, height = self.stored_size
        return (height, width) if self.orientation >= 5 else (width, height)


def read_header(data: bytes) -> ImageHeader | None:
    """The header of an image file's content; None when it is not an image that can be read, or one without pixels.

    PNG and JPEG are parsed here because that is ten times faster than opening them; the rest goes through Pillow.
    """
    header = _parsed(data)
    return None if header is None or 0 in header.stored_size else header


def whole_header(data: bytes) -> tuple[ImageHeader | None, bool]:
    """The header, and whether the file reaches its end mark; of a PNG with its pixels in one piece five times faster
    than by `read_header` and `is_complete`."""
    if data.startswith(_PNG_START) and data.startswith(b"IDAT", _PNG_SECOND_CHUNK + 4):
        (length,) = _PNG_LENGTH.unpack_from(data, _PNG_SECOND_CHUNK)
        last = _PNG_SECOND_CHUNK + 12 + length
        if data.startswith(b"\x00\x00\x00\x00IEND", last) and len(data) >= last + 12:
            header = _header_before_pixels(data[:_PNG_SECOND_CHUNK])
            return header, header is not None
    header = read_header(data)
    return header, header is not None and is_complete(data)


@lru_cache(maxsize=1 << 10)
def _header_before_pixels(start: bytes) -> ImageHeader | None:
    """The header of a PNG by all that is before its pixels, which in a dataset is that of many files."""
    return read_header(start + _NO_PIXELS)


def _parsed(data: bytes) -> ImageHeader | None:
    try:
        if data.startswith(PNG_SIGNATURE):
            return _png_header(data)
        if data.startswith(JPEG_START):
            return _jpeg_header(data)
        if is_tiff(data):
            return _tiff_header(data)
        if data.startswith(NPY_MAGIC):
            return _npy_header(data)
    except (StructError, KeyError, IndexError, OverflowError):
        return None
    return _pillow_header(data)


def fewest_bytes(header: ImageHeader) -> int:
    """Bytes below which a file cannot hold the image that its header states; 0 where the format has no such limit.

    Deflate packs at most 1032 bytes into one, and a JPEG takes at least one bit for each block of 64 values.
    """
    width, height = header.stored_size
    if header.format == "JPEG":
        return -(-width * height // _JPEG_PIXELS_PER_BYTE)
    row = (width * header.channels * header.bits + 7) // 8
    return -(-row * height // _DEFLATE_RATIO) if header.format == "PNG" else 0


def is_thin(header: ImageHeader, file_bytes: int) -> bool:
    """Whether a JPEG has so few bytes per pixel that only decoding it tells whether its size is true."""
    width, height = header.stored_size
    return header.format == "JPEG" and width * height > _JPEG_THIN * file_bytes


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end (with length and checksum) of every chunk of a PNG, up to the first one cut off."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        yield data[position + 4 : position + 8], position, end
        position = end


def has_pixels_only(png: bytes) -> bool:
    """Whether the pixels follow the header of a PNG at once, with nothing that changes their meaning between."""
    return png.startswith(b"\x00\x00\x00\rIHDR", len(PNG_SIGNATURE)) and png.startswith(b"IDAT", _PNG_SECOND_CHUNK + 4)


def _png_reaches_its_end(data: bytes) -> bool:
    """Whether the chain of chunks leads to the last one; four times faster than by `png_chunks`."""
    position, last = len(PNG_SIGNATURE), len(data) - 12
    while position <= last:
        length, chunk = _PNG_CHUNK.unpack_from(data, position)
        position += 12 + length
        if chunk == b"IEND":
            return bool(position <= len(data))
    return False


def file_palette(data: bytes) -> list[tuple[int, int, int]]:
    """Red, green and blue of each index of a palette file; empty where there is no palette."""
    values = b""
    if data.startswith(PNG_SIGNATURE):
        values = next((data[start + 8 : end - 4] for chunk, start, end in png_chunks(data) if chunk == b"PLTE"), b"")
    else:
        try:
            with open_quietly(data) as image:
                values = bytes(image.getpalette("RGB") or [])
        except PILLOW_ERRORS:
            return []
    return list(zip(values[0::3], values[1::3], values[2::3], strict=False))


def is_complete(data: bytes) -> bool:
    """Whether the file reaches its end mark; a download or copy that was cut off does not.

    A JPEG cut in its pixels is decoded by many decoders without complaint, the rest grey. Files that lack only the end
    mark exist and are whole, so Pillow, which insists on every row, has the last word.
    """
    if data.startswith(PNG_SIGNATURE):  # OpenCV reserves whatever length a chunk states, up to 2 GB
        return _png_reaches_its_end(data)
    if data.startswith(NPY_MAGIC):
        return is_whole_npy(data)
    if not data.startswith(JPEG_START):
        return True
    # a thumbnail inside the EXIF segment has an end mark of its own: only what follows the first scan counts
    scan = next((start for marker, start, _ in _jpeg_segments(data) if marker == _START_OF_SCAN), len(data))
    return data.rfind(JPEG_END) > scan or _pillow_reads_all(data)


def _png_header(data: bytes) -> ImageHeader:
    return _png_header_of(data[16:26], 1 if has_pixels_only(data) else _png_orientation(data))


def _png_orientation(data: bytes) -> int:
    orientation = 1
    for chunk, start, end in png_chunks(data):
        if chunk == b"IDAT":
            break
        if chunk == b"eXIf":
            orientation = _orientation(data[start + 8 : end - 4])
    return orientation


@lru_cache(maxsize=1 << 10)
def _png_header_of(description: bytes, orientation: int) -> ImageHeader:
    """The header by the chunk that describes the pixels, which in a dataset is that of many files."""
    width, height, bits, kind = unpack(">IIBB", description)
    channels, palette = _PNG_CHANNELS[kind], kind == _PNG_PALETTE
    return ImageHeader("PNG", (width, height), channels, bits, palette, orientation, channels in (2, 4))


def _tiff_header(data: bytes) -> ImageHeader | None:
    tiff = read_tiff_header(data)
    if tiff is None:
        return None
    return ImageHeader(
        "TIFF",
        tiff.size,
        tiff.samples,
        tiff.bits,
        tiff.palette,
        tiff.orientation,
        tiff.has_alpha,
        tiff.sample_format,
        len(tiff.pages),
        tiff.is_grey and tiff.samples > 1 + tiff.has_alpha,
    )


def _npy_header(data: bytes) -> ImageHeader | None:
    npy = read_npy_header(data)
    if npy is None:
        return None
    bits = 1 if npy.dtype.kind == "b" else 8 * npy.dtype.itemsize
    return ImageHeader("NPY", npy.size, npy.bands, bits, sample_format=npy.sample_format, is_raster=npy.bands > 1)


def _jpeg_header(data: bytes) -> ImageHeader | None:
    orientation = 1
    for marker, start, end in _jpeg_segments(data):
        if marker == _EXIF_SEGMENT and data.startswith(_EXIF_MAGIC, start):
            orientation = _orientation(data[start:end])
        elif marker in _START_OF_FRAME:
            bits, height, width, channels = unpack_from(">BHHB", data, start)
            return ImageHeader("JPEG", (width, height), channels, bits, orientation=orientation)
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the content of every segment of a JPEG up to its first scan."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        (length,) = unpack_from(">H", data, position + 2)
        yield marker, position + 4, position + 2 + length
        if marker == _START_OF_SCAN:
            return
        position += 2 + length


@contextmanager
def open_quietly(source: bytes | Path | io.FileIO, *, load: bool = False) -> Iterator[Image.Image]:
    """The image as Pillow opens it, of a content or a file, without warnings of odd metadata or a limit of size.

    The limit is meant for servers that strangers send images to; aerial images of 400 megapixels are whole. Both
    switches are global in Python and Pillow, hence the lock; it is held over the decoding with `load`.
    """
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
            image.getexif()
            if load:
                image.load()
        except UnidentifiedImageError:
            # Pillow's own words hold an address in memory, other ones in each run
            raise UnidentifiedImageError("its header is damaged or of no known format") from None
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with image:
        yield image


PILLOW_ERRORS = (Exception,)
"""What Pillow raises on a damaged file: its plug-ins let through whatever their parsing runs into, TypeError,
OverflowError and MemoryError among it."""


def _pillow_header(data: bytes) -> ImageHeader | None:
    try:
        with open_quietly(data) as image:
            orientation = int(image.getexif().get(EXIF_ORIENTATION, 1))
            pages = int(getattr(image, "n_frames", 1))
            return header_of_opened(image)._replace(orientation=_valid(orientation), pages=pages)
    except PILLOW_ERRORS:
        return None


def header_of_opened(image: Image.Image) -> ImageHeader:
    """What Pillow says of the page at which an image is opened, upright and alone."""
    channels, bits = _MODES.get(image.mode, (1, 16))  # the modes that are left are kinds of "I;16"
    alpha = image.mode.upper().endswith("A")
    real = "float" if image.mode == "F" else "int" if image.mode == "I" else "uint"
    palette = image.mode in ("P", "PA")
    return ImageHeader(image.format or "?", image.size, channels, bits, palette, has_alpha=alpha, sample_format=real)


def _pillow_reads_all(data: bytes) -> bool:
    try:
        with open_quietly(data, load=True):
            return True
    except PILLOW_ERRORS:
        return False


def _orientation(block: bytes) -> int:
    exif = Image.Exif()
    try:
        exif.load(block)
        return _valid(int(exif.get(EXIF_ORIENTATION, 1)))
    except PILLOW_ERRORS:
        return 1


def _valid(orientation: int) -> int:
    return orientation if 1 <= orientation <= 8 else 1
