"""The image of a request: base64 or a URL, within the limits, decoded."""

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
"""What messages call the image of a request."""


def read_text(text: str, settings: ServeSettings) -> RgbImage:
    """The image that a request holds as base64 (a data URL too), or names by a URL.

    Raises:
        RefusedError: URLs are not allowed, or it is no base64, or states too many pixels.
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
    """The image in a file's content.

    Raises:
        RefusedError: It states too many pixels.
        InputError: It cannot be decoded.
    """
    if not content:
        raise RefusedError(BAD, "image: is empty")
    header = read_header(content)
    if header is not None and (fault := size_fault(header.size)) is not None:
        raise RefusedError(TOO_LARGE, f"image: {fault}")
    return decode_image(content, name=NAME)


def require_size(width: int, height: int, what: str) -> None:
    """Refuses sizes that would take the memory.

    Raises:
        RefusedError: There are too many pixels.
    """
    if width * height > max_pixels():
        raise RefusedError(TOO_LARGE, f"{what}: {width} x {height} px are more than {max_pixels():,} px")


def item_of(rgb: RgbImage) -> SourceItem:
    """The image as pipelines take it."""
    return SourceItem(None, None, Path(NAME), rgb)
