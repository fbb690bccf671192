"""Image files that ordinary writers do not make: any number and kind of bands, damaged data, false headers."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from zlib import compress, crc32

import cv2
import numpy as np
from PIL import Image

_FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff(pixels: np.ndarray, *, extra: tuple[int, ...] = (), pages: int = 1) -> bytes:
    """An uncompressed TIFF [H, W] or [H, W, bands] of any type.

    Args:
        pixels: Its values.
        extra: Kinds of the samples beyond the colours: 0 unspecified, 1 premultiplied alpha, 2 alpha.
        pages: How often it is repeated.
    """
    height, width = pixels.shape[:2]
    bands = 1 if pixels.ndim == 2 else pixels.shape[2]
    out = b"II*\0" + struct.pack("<I", 8)
    for page in range(pages):
        tags = {
            256: [width], 257: [height], 258: [pixels.dtype.itemsize * 8] * bands, 259: [1],
            262: [2 if bands >= 3 else 1], 273: [0], 277: [bands], 278: [height], 279: [pixels.nbytes],
            338: list(extra), 339: [_FORMATS[pixels.dtype.kind]] * bands,
        }  # fmt: skip
        used = {tag: values for tag, values in sorted(tags.items()) if values}
        start = len(out)
        spill = start + 2 + 12 * len(used) + 4
        data_at = spill + sum(4 * len(values) for values in used.values() if len(values) > 1)
        used[273] = [data_at]
        entries, more = b"", b""
        for tag, values in used.items():
            packed = struct.pack(f"<{len(values)}I", *values)
            if len(values) > 1:
                packed, more = struct.pack("<I", spill + len(more)), more + packed
            entries += struct.pack("<HHI", tag, 4, len(values)) + packed
        following = data_at + pixels.nbytes if page + 1 < pages else 0
        out += struct.pack("<H", len(used)) + entries + struct.pack("<I", following) + more + pixels.tobytes()
    return out


def photo(height: int = 240, width: int = 320, seed: int = 0) -> np.ndarray:
    """Something like a photograph, uint8 [H, W, 3]."""
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def jpeg(pixels: np.ndarray | None = None) -> bytes:
    return cv2.imencode(".jpg", photo() if pixels is None else pixels)[1].tobytes()


def oriented(orientation: int, height: int, width: int, seed: int = 0) -> bytes:
    """A photo as JPEG with an EXIF orientation."""
    exif, target = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(photo(height, width, seed)).save(target, "JPEG", exif=exif)
    return target.getvalue()


def damaged_jpeg() -> bytes:
    """A JPEG with a run of zeros in the middle of its data."""
    data = bytearray(jpeg())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    return bytes(data)


def false_jpeg(width: int, height: int, pixels: np.ndarray | None = None) -> bytes:
    """A JPEG that states another size than its data have."""
    data = bytearray(jpeg(pixels))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def false_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that states any size."""
    return _png(width, height, 8, 2, ((b"IDAT", b"\x78\x9c\x03\x00"),))


def grey_png(values: np.ndarray, bits: int, after: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG of grey values, uint8 [H, W] of so many bits, with chunks after its pixels that Pillow would not write."""
    singles = np.unpackbits(values[..., np.newaxis], axis=2)[..., 8 - bits :]
    rows = np.packbits(singles.reshape(len(values), -1), axis=1)
    pixels = compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    return _png(values.shape[1], values.shape[0], bits, 0, ((b"IDAT", pixels), *after))


def _png(width: int, height: int, bits: int, colour_type: int, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))
        for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def false_bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def false_ppm(width: int, height: int) -> bytes:
    return f"P6\n{width} {height}\n255\n".encode() + b"\0" * 9
