"""Files that hold several images: TIFF, PDF, video."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageSequence

from segcli.data.image import RgbImage, read_image
from segcli.errors import InputError

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
PDF_SUFFIXES = frozenset({".pdf"})
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv"})
PAGED_SUFFIXES = TIFF_SUFFIXES | PDF_SUFFIXES | VIDEO_SUFFIXES

_PDF_SCALE = 2.0
"""144 dots an inch, as PaddleX renders."""


def read_pages(path: Path) -> Iterator[tuple[int | None, RgbImage]]:
    """The pages or frames of a file, one by one, with their number from 0; None for the only page of a TIFF.

    Raises:
        InputError: The file cannot be read, or a PDF is given without the package that renders it.
    """
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        yield from _tiff(path)
    elif suffix in PDF_SUFFIXES:
        yield from _pdf(path)
    else:
        yield from _video(path)


def _tiff(path: Path) -> Iterator[tuple[int | None, RgbImage]]:
    try:
        with Image.open(path) as file:
            pages = getattr(file, "n_frames", 1)
            if pages > 1:
                for index, page in enumerate(ImageSequence.Iterator(file)):
                    yield index, np.asarray(page.convert("RGB"), np.uint8)
                return
    except OSError as fault:
        raise InputError(f"cannot be read: {fault}", path=path) from fault
    yield None, read_image(path)


def _pdf(path: Path) -> Iterator[tuple[int | None, RgbImage]]:
    if find_spec("pypdfium2") is None:
        raise InputError(
            "pypdfium2, which renders PDF files, is not installed", path=path, hint="pip install pypdfium2"
        )
    import pypdfium2  # type: ignore[import-untyped, unused-ignore]

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as fault:
        raise InputError(f"is no PDF that can be read: {fault}", path=path) from fault
    try:
        for index in range(len(document)):
            page = document[index].render(scale=_PDF_SCALE).to_pil()
            yield index, np.asarray(page.convert("RGB"), np.uint8)
    finally:
        document.close()


def _video(path: Path) -> Iterator[tuple[int | None, RgbImage]]:
    capture = cv2.VideoCapture(str(path))
    try:
        index = 0
        while True:
            there, frame = capture.read()
            if not there:
                break
            yield index, np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
            index += 1
        if index == 0:
            raise InputError("is no video that can be read", path=path)
    finally:
        capture.release()
