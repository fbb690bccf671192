"""Decodes the image of a request, base64 or a URL, within the limits."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from segcli.data.budget import max_pixels, size_fault
from segcli.data.decoding.headers import read_header
from segcli.data.fetch import fetch_bytes
from segcli.data.image import RgbImage, decode_image
from segcli.data.sources import SourceItem
from segcli.data.url import is_address
from segcli.serve.faults import BAD, TOO_LARGE, RefusedError
from segcli.serve.settings import ServeSettings

NAME = "image"
"""Name of the image of a request in messages."""


def read_text(text: str, settings: ServeSettings) -> RgbImage:
    """The image of a request, given as base64, data URL or http(s) URL.

    Raises:
        RefusedError: URLs are not allowed, the text is not base64, or the image has too many pixels.
        InputError: It cannot be fetched or decoded.
    """
    if is_address(text):
        if not settings.allow_urls:
            raise RefusedError(
                BAD, "image: URLs are not allowed here; send the image as base64 (or serve with --allow-urls)"
            )
        return decode(fetch_bytes(text, settings.fetch))
    head, comma, data = text.partition(",")
    if not (comma and head.startswith("data:")):
        data = text
    try:
        return decode(base64.b64decode("".join(data.split()), validate=True))
    except (binascii.Error, ValueError) as fault:
        raise RefusedError(BAD, "image: is neither base64 nor an http(s) URL") from fault


def decode(content: bytes) -> RgbImage:
    """Decodes the content of an image file.

    Raises:
        RefusedError: It is empty, or its header states too many pixels.
        InputError: It cannot be decoded.
    """
    if not content:
        raise RefusedError(BAD, "image: is empty")
    header = read_header(content)
    if header is not None and (fault := size_fault(header.size, header.decoding_bytes)) is not None:
        raise RefusedError(TOO_LARGE, f"image: {fault}")
    return decode_image(content, name=NAME)


def require_size(width: int, height: int, what: str) -> None:
    """Refuses sizes that would use up the memory.

    Raises:
        RefusedError: There are too many pixels.
    """
    if width * height > max_pixels():
        raise RefusedError(TOO_LARGE, f"{what}: {width} x {height} px are more than {max_pixels():,} px")


def item_of(rgb: RgbImage) -> SourceItem:
    """The image as input of a pipeline."""
    return SourceItem(None, None, Path(NAME), rgb)
