"""Files that hold several images: TIFF, PDF."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import error as StructError
from typing import Any

import cv2
import numpy as np

from segcli.data.budget import size_fault
from segcli.data.decoding.decoders import TOO_LARGE_HINT, in_file_order, three_channels
from segcli.data.decoding.headers import PILLOW_ERRORS, header_of_opened, open_quietly
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.tiff_header import TiffHeader, head_for, is_tiff, read_tiff_header
from segcli.data.decoding.tiff_windows import TiffWindows, why_whole
from segcli.data.decoding.used_range import current_range
from segcli.data.files import require_regular
from segcli.data.image import RgbImage, read_input
from segcli.errors import InputError

log = logging.getLogger("segcli.predict")

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
PDF_SUFFIXES = frozenset({".pdf"})
PAGED_SUFFIXES = TIFF_SUFFIXES | PDF_SUFFIXES

_SHALLOW = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"})
"""Modes of Pillow with 8 bits per value."""
_PDF_SCALE = 2.0
"""144 dots per inch, as PaddleX renders."""


Page = tuple[int | None, Callable[[], RgbImage]]
"""Number of a page from 0, None for the only page of a TIFF, and what decodes it."""


def read_pages(path: Path, image_range: ImageRange | None = None) -> Iterator[tuple[int | None, RgbImage]]:
    """The pages of a file, one by one, with their number; raises what `pages_of` raises."""
    for index, read in pages_of(path, image_range):
        yield index, read()


def pages_of(path: Path, image_range: ImageRange | None = None) -> Iterator[Page]:
    """The pages of a file, each decoded or rendered when that is called.

    For a network that takes bands the first page alone is read, as in training.

    Raises:
        InputError: The file cannot be read, or a PDF is given without the package that renders it.
    """
    yield from _tiff(path, image_range) if path.suffix.lower() in TIFF_SUFFIXES else _pdf(path)


def open_large(path: Path, most_px: int, image_range: ImageRange | None = None) -> TiffWindows | None:
    """A TIFF of one page and more than so many pixels, part by part; None for anything else."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    header = _tiff_header(path)
    if header is None or len(header.pages) > 1 or header.size[0] * header.size[1] <= most_px:
        return None
    why = why_whole(path, image_range)
    if why is not None:
        log.warning("%s is decoded whole: %s", path, why)
        return None
    return TiffWindows(path, image_range)


def _tiff_header(path: Path) -> TiffHeader | None:
    """The header of a TIFF without reading the rest of the file; None where it is none."""
    try:
        require_regular(path)
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            return read_tiff_header(data) if is_tiff(data) else None
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror or fault}", path=path) from fault
    except (StructError, KeyError, IndexError, OverflowError, ValueError):
        return None


def _tiff(path: Path, image_range: ImageRange | None) -> Iterator[Page]:
    header = _tiff_header(path)
    takes_bands = (image_range or current_range()).takes_bands
    if header is None or len(header.pages) == 1 or takes_bands:
        yield None, partial(read_input, path, image_range)
        return
    for index, place in enumerate(header.pages):
        yield index, partial(_tiff_page, path, index, place, image_range)


class _FromPage(io.FileIO):
    """A TIFF that begins with another of its pages: hundreds of pages would else be stepped over hundreds of times.

    Args:
        path: The file.
        place: As in `TiffHeader.pages`.
    """

    def __init__(self, path: Path, place: int) -> None:
        super().__init__(path)
        self.head = head_for(super().read(8), place)

    def read(self, size: int | None = -1) -> bytes:
        """As of any file."""
        at = self.tell()
        data = super().read(-1 if size is None else size) or b""
        return self.head[at : at + len(data)] + data[max(len(self.head) - at, 0) :]


def _tiff_page(path: Path, index: int, place: int, image_range: ImageRange | None) -> RgbImage:
    """One page; OpenCV reads deep values, Pillow keeps colours that are transparent."""
    try:
        with _FromPage(path, place) as page, open_quietly(page) as file:
            fault = size_fault(file.size, header_of_opened(file).decoding_bytes)
            if fault is not None:
                raise InputError(f"page {index} {fault}", path=path, hint=TOO_LARGE_HINT)
            if file.mode in _SHALLOW:
                return np.asarray(file.convert("RGB"), np.uint8)
        data = np.memmap(path, np.uint8, "c")  # only the pages of memory that are decoded are read
        data[: len(page.head)] = np.frombuffer(page.head, np.uint8)
        values = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except InputError:
        raise
    except PILLOW_ERRORS as fault:
        raise InputError(f"page {index} cannot be read: {fault}", path=path) from fault
    if values is None:
        raise InputError(f"page {index} cannot be read", path=path)
    return three_channels((image_range or current_range()).apply(in_file_order(values)))


def _pdf(path: Path) -> Iterator[Page]:
    if find_spec("pypdfium2") is None:
        raise InputError(
            "pypdfium2, which renders PDF files, is not installed", path=path, hint="pip install pypdfium2"
        )
    import pypdfium2

    try:
        require_regular(path)
        document = pypdfium2.PdfDocument(path)
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror or fault}", path=path) from fault
    except pypdfium2.PdfiumError as fault:
        raise InputError(f"is no PDF that can be read: {fault}", path=path) from fault
    try:
        for index in range(len(document)):
            yield index, partial(_pdf_page, document, index, path)
    finally:
        document.close()


def _pdf_page(document: Any, index: int, path: Path) -> RgbImage:
    try:
        page = document[index]
        width, height = (round(side * _PDF_SCALE) for side in page.get_size())
        fault = size_fault((width, height))
        if fault is None:
            return np.asarray(page.render(scale=_PDF_SCALE).to_pil().convert("RGB"), np.uint8)
    except PILLOW_ERRORS as error:
        raise InputError(f"page {index} cannot be rendered: {error}", path=path) from error
    raise InputError(f"page {index} {fault}", path=path, hint=TOO_LARGE_HINT)
