"""Files that hold several images: TIFF, PDF."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data.budget import size_fault
from segcli.data.decoding.decoders import TOO_LARGE_HINT, in_file_order, three_channels
from segcli.data.decoding.headers import PILLOW_ERRORS, open_quietly, read_header
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.used_range import current_range
from segcli.data.image import RgbImage, read_image
from segcli.errors import InputError

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
PDF_SUFFIXES = frozenset({".pdf"})
PAGED_SUFFIXES = TIFF_SUFFIXES | PDF_SUFFIXES

_SHALLOW = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"})
"""Modes of Pillow with 8 bits a value."""
_PDF_SCALE = 2.0
"""144 dots an inch, as PaddleX renders."""


def read_pages(path: Path, image_range: ImageRange | None = None) -> Iterator[tuple[int | None, RgbImage]]:
    """The pages of a file, one by one, with their number from 0; None for the only page of a TIFF.

    Raises:
        InputError: The file cannot be read, or a PDF is given without the package that renders it.
    """
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        yield from _tiff(path, image_range)
    else:
        yield from _pdf(path)


def _tiff(path: Path, image_range: ImageRange | None) -> Iterator[tuple[int | None, RgbImage]]:
    header = read_header(_bytes_of(path))
    if header is None or header.format != "TIFF" or header.pages == 1:
        yield None, read_image(path, image_range)
        return
    for index in range(header.pages):
        yield index, _tiff_page(path, index, image_range)


def _tiff_page(path: Path, index: int, image_range: ImageRange | None) -> RgbImage:
    """One page; OpenCV reads deep values, Pillow keeps colours that are transparent."""
    try:
        with open_quietly(path.read_bytes()) as file:
            file.seek(index)
            fault = size_fault(file.size)
            if fault is not None:
                raise InputError(f"page {index} {fault}", path=path, hint=TOO_LARGE_HINT)
            if file.mode in _SHALLOW:
                return np.asarray(file.convert("RGB"), np.uint8)
        there, values = cv2.imreadmulti(str(path), index, 1, flags=cv2.IMREAD_UNCHANGED)
    except InputError:
        raise
    except PILLOW_ERRORS as fault:
        raise InputError(f"page {index} cannot be read: {fault}", path=path) from fault
    if not there:
        raise InputError(f"page {index} cannot be read", path=path)
    return three_channels((image_range or current_range()).apply(in_file_order(values[0])))


def _pdf(path: Path) -> Iterator[tuple[int | None, RgbImage]]:
    if find_spec("pypdfium2") is None:
        raise InputError(
            "pypdfium2, which renders PDF files, is not installed", path=path, hint="pip install pypdfium2"
        )
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as fault:
        raise InputError(f"is no PDF that can be read: {fault}", path=path) from fault
    try:
        for index in range(len(document)):
            yield index, _pdf_page(document[index], index, path)
    finally:
        document.close()


def _pdf_page(page: Any, index: int, path: Path) -> RgbImage:
    try:
        width, height = (round(side * _PDF_SCALE) for side in page.get_size())
        fault = size_fault((width, height))
        if fault is None:
            return np.asarray(page.render(scale=_PDF_SCALE).to_pil().convert("RGB"), np.uint8)
    except PILLOW_ERRORS as error:
        raise InputError(f"page {index} cannot be rendered: {error}", path=path) from error
    raise InputError(f"page {index} {fault}", path=path, hint=TOO_LARGE_HINT)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror or fault}", path=path) from fault
